"""Scheduled releases on a real Prefect server, with a sandbox's repository."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.flow_engine import run_flow
from prefect.states import Scheduled

from flows import known_runs
from flows.scheduled_release import scheduled_release
from lockgate.fixture import Fixture, to_json
from lockgate.request import Request
from lockgate.schedules import Schedule, Verdict
from sandbox.faults import Fault
from sandbox.world import Sandbox

DEPLOYMENT = "release/of-a-schedule"
EVERY_DAY = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@pytest.fixture
def client(prefect_api: str) -> Iterator[SyncPrefectClient]:
    """The server's client, with a deployment of the release that no worker takes runs of."""
    with get_client(sync_client=True) as found:
        flow_id = found.create_flow_from_name("release")
        found.create_deployment(flow_id, "of-a-schedule")
        yield found


def run(*requests: Request, **more: Any) -> State[list[Verdict]]:
    """The end of a scheduled run that looks at these repositories."""
    return scheduled_release(Schedule(requests, deployment=DEPLOYMENT, **more), return_state=True)


def clone(sandbox: Sandbox, tmp_path: Path) -> Path:
    """A checkout of the sandbox's origin."""
    git(tmp_path, "clone", "--quiet", sandbox.origin_url, "checkout")
    return tmp_path / "checkout"


def git(folder: Path, *words: str) -> str:
    """What git says."""
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def started(client: SyncPrefectClient, sandbox: Sandbox) -> list[FlowRun]:
    """The release runs of this sandbox's repository."""
    runs = client.read_flow_runs(limit=200)
    return [one for one in runs if one.parameters.get("request", {}).get("repository") == sandbox.origin_url]


def test_something_to_release_starts_a_run_of_the_release(sandbox: Sandbox, client: SyncPrefectClient) -> None:
    state = run(Request(sandbox.origin_url, "minor"))
    assert (state.type, state.name) == ("COMPLETED", "Started")
    assert state.message == "lockgate-sample 1.1.0: 2 commits since v1.0.0 (Count weeks too; Say what is new)"
    (one,) = started(client, sandbox)
    asked = one.parameters["request"]
    assert (asked["version"], asked["unattended"], asked["requested_by"]) == ("minor", True, "schedule")
    assert set(one.tags) == {"scheduled", sandbox.slug}


def test_a_repository_at_work_gets_no_second_run(sandbox: Sandbox, client: SyncPrefectClient) -> None:
    run(Request(sandbox.origin_url, "minor"))
    (one,) = started(client, sandbox)
    state = run(Request(sandbox.origin_url, "minor"))
    assert (state.name, state.message) == ("Under way", f"lockgate-sample: run '{one.name}' is scheduled")
    assert len(started(client, sandbox)) == 1


def test_nothing_to_release_is_green_and_says_why(sandbox: Sandbox, client: SyncPrefectClient) -> None:
    """The repository states 1.0.0, which is tagged."""
    state = run(Request(sandbox.origin_url))
    assert (state.type, state.name) == ("COMPLETED", "Nothing to release")
    assert state.message == "lockgate-sample 1.0.0 is released"
    assert not started(client, sandbox)


def test_a_freeze_holds_what_would_be_released_and_shows_its_end(sandbox: Sandbox, client: SyncPrefectClient) -> None:
    state = run(Request(sandbox.origin_url, "minor"), freeze=EVERY_DAY)
    assert (state.type, state.name) == ("COMPLETED", "Frozen until the calendar changes")
    assert not started(client, sandbox)


def test_the_projects_own_freeze_counts_too(sandbox: Sandbox, client: SyncPrefectClient, tmp_path: Path) -> None:
    settings = (
        clone(sandbox, tmp_path) / "pyproject.toml"
    ).read_text() + f"\n[tool.lockgate]\nfreeze = {list(EVERY_DAY)}\n"
    sandbox.commit_to_main("pyproject.toml", settings, "Freeze")
    assert run(Request(sandbox.origin_url, "minor")).name == "Frozen until the calendar changes"
    assert not started(client, sandbox)


def test_a_pending_publish_goes_on_in_a_freeze(sandbox: Sandbox, client: SyncPrefectClient, tmp_path: Path) -> None:
    """The tag of 1.0.0 is out and its fixture is not finished: the version that is asked for has to wait."""
    commit = git(clone(sandbox, tmp_path), "rev-parse", "v1.0.0^{commit}")
    fixture = Fixture("lockgate-sample", "1.0.0", sandbox.slug, "main", "v1.0.0", "lockgate", release_commit=commit)
    sandbox.commit_to_main("releases/1.0.0.json", to_json(fixture), "Begin")
    state = run(Request(sandbox.origin_url, "minor"), freeze=EVERY_DAY)
    assert (state.name, state.message) == ("Started", "lockgate-sample 1.0.0 is tagged and not finished: it goes on")
    (one,) = started(client, sandbox)
    assert one.parameters["request"]["version"] == "1.0.0"


def test_a_dirty_checkout_stops_in_a_named_state(sandbox: Sandbox, client: SyncPrefectClient, tmp_path: Path) -> None:
    checkout = clone(sandbox, tmp_path)
    (checkout / "notes.txt").write_text("mine")
    state = run(Request(str(checkout), "minor"))
    assert (state.type, state.name) == ("FAILED", "Refused")
    assert "1 changed or untracked files" in str(state.message)
    assert (checkout / "notes.txt").read_text() == "mine"


def test_one_repository_that_does_not_answer_keeps_no_other_one(
    sandbox: Sandbox, client: SyncPrefectClient, tmp_path: Path
) -> None:
    state = run(Request(str(tmp_path / "nowhere")), Request(sandbox.origin_url, "minor"))
    assert (state.type, state.name) == ("FAILED", "Misconfigured")
    assert [one.kind for one in state.result(raise_on_failure=False)] == ["misconfigured", "start"]
    assert len(started(client, sandbox)) == 1


@pytest.mark.slow
def test_an_outage_is_no_reason_to_release_nothing_silently(sandbox: Sandbox, client: SyncPrefectClient) -> None:
    sandbox.faults.add(Fault("error", "index", times=99, options={"status": 503}))
    state = run(Request(sandbox.origin_url, "minor"))
    assert (state.type, state.name) == ("FAILED", "Unavailable")
    assert not started(client, sandbox)


def test_a_schedule_that_cannot_be_read_says_everything_that_is_wrong(client: SyncPrefectClient) -> None:
    state = run(freeze=("someday",), timezone="Mars")
    assert (state.type, state.name) == ("FAILED", "Misconfigured")
    assert "'someday'" in str(state.message)
    assert "'Mars'" in str(state.message)


def test_a_start_that_is_tried_twice_starts_one_run(client: SyncPrefectClient) -> None:
    one, other = (known_runs.start_run(DEPLOYMENT, {}, key="twice", tags=[]) for _ in range(2))
    assert one.id == other.id


def test_an_unknown_deployment_is_named(sandbox: Sandbox, client: SyncPrefectClient) -> None:
    schedule = Schedule((Request(sandbox.origin_url, "minor"),), deployment="release/none")
    state = scheduled_release(schedule, return_state=True)
    assert state.name == "Misconfigured"
    assert "there is no deployment 'release/none'" in str(state.message)


def missed_runs(client: SyncPrefectClient, schedule: Schedule) -> list[FlowRun]:
    """Three starts of a schedule of every hour that nothing ran, the earliest first; made by Prefect's own scheduler."""
    hourly = IntervalSchedule(interval=timedelta(hours=1), anchor_date=datetime(2026, 1, 1, tzinfo=UTC))
    deployment = client.create_deployment(
        client.create_flow(scheduled_release), f"hourly-{uuid4().hex}", parameters={"schedule": asdict(schedule)},
        schedules=[DeploymentScheduleCreate(schedule=hourly, active=True)],
    )  # fmt: skip
    now = datetime.now(UTC)
    past = {"start_time": (now - timedelta(hours=3)).isoformat(), "end_time": now.isoformat(), "max_runs": 3}
    client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment}, json=past)
    mine = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
    runs = client.read_flow_runs(flow_run_filter=mine, sort=FlowRunSort.EXPECTED_START_TIME_ASC)
    return [one for one in runs if one.expected_start_time and one.expected_start_time < now]


def execute(run: FlowRun) -> State[list[Verdict]]:
    """The end of a run that a worker would have started."""
    state = run_flow(scheduled_release, flow_run=run, parameters=run.parameters, return_type="state")
    assert isinstance(state, State)
    return state


def test_of_several_missed_starts_only_the_last_one_looks(sandbox: Sandbox, client: SyncPrefectClient) -> None:
    missed = missed_runs(client, Schedule((Request(sandbox.origin_url),), deployment=DEPLOYMENT))
    ends = [execute(one) for one in missed]
    assert [one.name for one in ends] == ["Too late", "Too late", "Nothing to release"]
    assert f"run '{missed[-1].name}', which was due later, looks instead" in str(ends[0].message)


def test_a_start_that_is_long_over_does_nothing_and_a_person_may_start_it_again(
    sandbox: Sandbox, client: SyncPrefectClient
) -> None:
    schedule = Schedule((Request(sandbox.origin_url),), deployment=DEPLOYMENT, latest_start_hours=1e-9)
    last = missed_runs(client, schedule)[-1]
    state = execute(last)
    assert (state.type, state.name) == ("COMPLETED", "Too late")
    client.set_flow_run_state(last.id, Scheduled(), force=True)
    assert execute(client.read_flow_run(last.id)).name == "Nothing to release"
