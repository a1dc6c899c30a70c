"""Retries of a release that waited: by Prefect's first pages and by its command line.

After some of them Prefect takes an unanswered question for answered, after others for asked already. Here it is asked anew
every time, and nothing is tagged before the answers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling, Crashed, Scheduled

from cli.services import program
from sandbox.world import Sandbox
from tests.operating import PASSWORDS, ROOT, Station, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

TESTS = "Complete test suite with --all flag"
PUBLISHER = "Confirm PyPI Trusted Publisher settings"
NO_DEPLOYMENT = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId.model_validate({"is_null_": True}))


def by_command_line(station: Station, client: SyncPrefectClient, run: FlowRun) -> None:
    environ = {**station.environ, "PREFECT_API_URL": station.api, "PREFECT_API_AUTH_STRING": PASSWORDS[station.api]}
    command = [program("prefect"), "flow-run", "retry", str(run.id)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def by_first_pages(station: Station, client: SyncPrefectClient, run: FlowRun) -> None:
    given = client.set_flow_run_state(run.id, Scheduled(name="AwaitingRetry"), force=False)
    assert given.status == "ACCEPT", given


def cancelled(station: Station, client: SyncPrefectClient, run: FlowRun) -> None:
    client.set_flow_run_state(run.id, Cancelling())
    station.until_state(client, run, "Cancelled")


def declined(station: Station, client: SyncPrefectClient, run: FlowRun) -> None:
    station.run("approve", str(run.id), "--decision", "decline", "--name", "ann")
    station.until_state(client, run, "Declined")


def expired(station: Station, client: SyncPrefectClient, run: FlowRun) -> None:
    """By the reminders, which end what is past its deadline; here anything that waits."""
    reminders = client.read_deployment_by_name("reminders/reminders")
    now = {"settings": {"expire_after_hours": 1e-6}}
    client.create_flow_run_from_deployment(reminders.id, parameters=now)
    station.until_state(client, run, "Expired")


@pytest.mark.parametrize(
    ("end", "retry"),
    [
        (cancelled, by_command_line), (cancelled, by_first_pages), (declined, by_first_pages), (expired, by_command_line),
        (expired, by_first_pages),
    ],
)  # fmt: skip
def test_retried_release_asks_anew_and_then_publishes(station, client, end, retry):
    run = station.begin(client, version="patch")
    station.until_asked(client, run, TESTS)
    end(station, client, run)
    retry(station, client, run)
    station.until_asked(client, run, TESTS)
    station.approve(run)
    station.until_asked(client, run, PUBLISHER)
    end(station, client, run)
    retry(station, client, run)
    station.until_asked(client, run, TESTS)  # it began anew
    station.approve(run)
    station.until_asked(client, run, PUBLISHER)
    outside = Sandbox.open(station.folder)
    before = str(outside.journal).count("refs/tags/")
    station.approve(run)
    station.until_state(client, run, "Released")
    assert str(outside.journal).count("refs/tags/") == before + 1


@contextmanager
def local(station: Station, *command: str) -> Iterator[None]:
    """A release in a process that nobody looks after, which waits with a pause; killed in the end."""
    environ = {
        **station.environ,
        **station.outside(),
        "PREFECT_API_URL": station.api,
        "PREFECT_API_AUTH_STRING": PASSWORDS[station.api],
    }
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def paused(client: SyncPrefectClient) -> FlowRun:
    """The run of no deployment that waits."""

    def look() -> FlowRun | None:
        runs = client.read_flow_runs(flow_run_filter=NO_DEPLOYMENT)
        return next((run for run in runs if run.state is not None and run.state.is_paused()), None)

    return until(look, "a local release that waits")  # type: ignore[no-any-return]


def test_a_process_killed_while_it_was_paused_asks_anew_and_takes_what_was_answered_meanwhile(
    station: Station, client: SyncPrefectClient
) -> None:
    """The retry of Prefect's command line runs it here; an answer that came when nobody was there to take it still counts."""
    origin = client.read_deployment_by_name("release/release").parameters["request"]["repository"]
    with local(station, sys.executable, "-m", "flows.release_flow", origin, "patch"):
        run = paused(client)
        station.until_asked(client, run, TESTS)
    again = (program("prefect"), "flow-run", "retry", str(run.id), "--entrypoint", "flows/release_flow.py:release")
    client.set_flow_run_state(run.id, Crashed(message="killed"), force=True)
    with local(station, *again):
        station.until_asked(client, run, TESTS)
        station.approve(run)
        station.until_asked(client, run, PUBLISHER)
    outside = Sandbox.open(station.folder)
    before = str(outside.journal).count("refs/tags/")
    assert station.approve(run).returncode == 0
    client.set_flow_run_state(run.id, Crashed(message="killed"), force=True)
    assert str(outside.journal).count("refs/tags/") == before
    with local(station, *again):
        station.until_state(client, run, "Released")
    assert str(outside.journal).count("refs/tags/") == before + 1
