"""What Prefect's automations do to runs: one without heartbeats has crashed, and no machine answers for a person."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import ResumeFlowRun
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.checkpoints import Answer
from flows.heartbeats import NAME, ensure_automation
from flows.lost_runs import TAG
from flows.pauses import Asked, ask
from tests.flow_runs import Runs
from tests.operating import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FREQUENCY_SECONDS = 30
"""The shortest that Prefect takes."""

WITHIN_SECONDS = 70
PROCESS = """
import sys, time
from uuid import UUID
from prefect import flow, pause_flow_run
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from flows.checkpoints import Answer
from flows.pauses import Asked, ask

what, number = sys.argv[1:]

@flow(name="beating", persist_result=False)
def beating():
    if what == "Suspended":
        ask(Answer, Asked("tests", "A question", "## A question", ("approve", "decline"), ("approver", "note"), 3600))
    if what == "Paused":
        pause_flow_run(timeout=3600, poll_interval=10)
    time.sleep(3600)

with get_client(sync_client=True) as client:
    run = client.read_flow_run(UUID(number))
run_flow(beating, flow_run=run)
"""


@pytest.fixture
def client(prefect_api: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        yield found


@pytest.fixture
def begin(client: SyncPrefectClient) -> Iterator[Callable[[str], tuple[UUID, subprocess.Popen[bytes]]]]:
    """Starts runs that come to a state and stay there, each in a process of its own with a heartbeat."""
    started: list[subprocess.Popen[bytes]] = []

    def start(what: str) -> tuple[UUID, subprocess.Popen[bytes]]:
        deployment = client.create_deployment(client.create_flow_from_name("beating"), f"beating-{uuid4().hex}")
        run = client.create_flow_run_from_deployment(deployment, tags=[TAG]).id
        environ = {**os.environ, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(FREQUENCY_SECONDS)}
        words = [sys.executable, "-c", PROCESS, what, str(run)]
        started.append(subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        until(lambda: client.read_flow_run(run).state_name == what, what)
        return run, started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()
    for known in client.read_automations_by_name(NAME):
        client.delete_automation(known.id)


def events(client: SyncPrefectClient, name: str, resource: str) -> list[dict[str, Any]]:
    """The events of this name about something."""
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    asked = {"event": {"prefix": [name]}, "resource": {"id": [resource]}, "occurred": {"since": since}}
    found = client.request("POST", "/events/filter", json={"filter": asked}).json()
    return list(found["events"])


def test_a_run_that_vanished_has_crashed_and_no_other_one_has(
    client: SyncPrefectClient, begin: Callable[[str], tuple[UUID, subprocess.Popen[bytes]]]
) -> None:
    """The ones that wait or work had their first heartbeat before it, so the automation would have ended them before."""
    ensure_automation(WITHIN_SECONDS)
    others = {name: begin(name)[0] for name in ("Suspended", "Paused", "Running")}
    vanished, process = begin("Running")
    until(lambda: events(client, "prefect.flow-run.heartbeat", f"prefect.flow-run.{vanished}"), "its heartbeat")
    process.kill()
    until(lambda: client.read_flow_run(vanished).state_name == "Crashed", "the automation")
    state = client.read_flow_run(vanished).state
    assert state is not None
    assert state.message == f"no heartbeat for {WITHIN_SECONDS} s"
    assert {name: client.read_flow_run(run).state_name for name, run in others.items()} == {
        name: name for name in others
    }


def test_no_automation_answers_a_checkpoint(client: SyncPrefectClient) -> None:
    """Prefect's action that resumes a run has no answer to give; a form of defaults would be taken for one."""

    @flow(name="asking", persist_result=False)
    def asking() -> str:
        asked = Asked("tests", "A question", "## A question", ("approve", "decline"), ("approver", "note"), 600)
        return ask(Answer, asked)[0].decision

    run = Runs(client).begin(asking, deployed=True)
    waiting = run.asks()
    run.ends()
    resource, name = f"prefect.flow-run.{run.id}", f"checks.passed.{uuid4().hex}"
    trigger = EventTrigger(
        expect={name}, match={"prefect.resource.id": resource}, for_each={"prefect.resource.id"}, posture=Posture.Reactive,
        threshold=1,
    )  # fmt: skip
    automation = client.create_automation(AutomationCore(name=name, trigger=trigger, actions=[ResumeFlowRun()]))
    body = {
        "occurred": datetime.now(UTC).isoformat(), "event": name,
        "resource": {"prefect.resource.id": resource}, "related": [], "payload": {},
    }  # fmt: skip
    about = f"prefect.automation.{automation}"

    def done() -> set[str]:
        """What became of the automation's action; an event that comes before Prefect has loaded the automation has none."""
        client.request("POST", "/events", json=[{**body, "id": str(uuid4())}])
        found = {one["event"] for one in events(client, "prefect.automation.action.", about)}
        return found - {"prefect.automation.action.triggered"}

    assert until(done, "the automation's action") == {"prefect.automation.action.failed"}
    client.delete_automation(automation)
    assert run.state.name == "Suspended"
    assert waiting.answer(decision="approve", approver="Ada").status == "ACCEPT"
    assert run.begin().ends().result() == "approve"
