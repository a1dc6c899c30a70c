"""Schedules as Prefect keeps them: time zones, parameters of their own, and what came due while nothing ran."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from cli.deploying import ROOT
from cli.services import program
from tests.operating import Station, connected, until, worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
SCHEDULES = [
    {
        "cron": "0 9 * * *", "timezone": "Europe/Berlin", "slug": "berlin",
        "parameters": {"schedule": {
            "releases": [{"repository": "https://github.com/example/one", "version": "minor"},
                         {"repository": "https://github.com/example/two", "version": "patch"}],
            "timezone": "Europe/Berlin",
        }},
    },
    {
        "cron": "0 9 * * *", "timezone": "America/New_York", "slug": "new-york",
        "parameters": {"schedule": {"releases": [{"repository": "https://github.com/example/three"}]}},
    },
]  # fmt: skip
SPRING = datetime(2027, 3, 26, tzinfo=UTC)
"""Two days before the clocks of Berlin change; those of New York have changed already."""


@pytest.fixture
def client(prefect_api: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        yield found


def runs_of(client: SyncPrefectClient, deployment: UUID) -> list[FlowRun]:
    """A deployment's runs, the earliest first."""
    mine = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
    return client.read_flow_runs(flow_run_filter=mine, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=200)


def let_schedule(client: SyncPrefectClient, deployment: UUID, start: datetime, end: datetime, most: int) -> None:
    """Have Prefect's own scheduler make the runs of some time."""
    asked = {"start_time": start.isoformat(), "end_time": end.isoformat(), "min_runs": most, "max_runs": most}
    client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment}, json=asked)


def test_each_schedule_of_a_deployment_has_its_own_time_and_repositories_across_a_change_of_clocks(
    client: SyncPrefectClient, tmp_path: Path, prefect_api: str
) -> None:
    """Deployed as prefect.yaml is, with schedules in it: at nine o'clock where the people are, before and after."""
    document = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    (one,) = [one for one in document["deployments"] if one["name"] == "scheduled-release"]
    file = tmp_path / "prefect.yaml"
    mine = {**one, "name": "clocks", "schedules": SCHEDULES, "work_pool": {"name": "clocks"}}
    file.write_text(yaml.safe_dump({**document, "deployments": [mine]}), encoding="utf-8")
    for words in (
        ["work-pool", "create", "clocks", "--type", "process"],
        ["deploy", "--all", "--prefect-file", str(file)],
    ):
        done = subprocess.run(
            [program("prefect"), "--no-prompt", *words], cwd=ROOT, capture_output=True, text=True, timeout=180
        )
        assert done.returncode == 0, done.stdout + done.stderr
    deployment = client.read_deployment_by_name("scheduled-release/clocks").id
    let_schedule(client, deployment, SPRING, SPRING + timedelta(days=5), 20)
    runs = [run for run in runs_of(client, deployment) if in_spring(run)]
    client.delete_deployment(deployment)
    found: dict[str, list[tuple[int, datetime]]] = {}
    for run in runs:
        looks_at = run.parameters["schedule"]["releases"]
        names = " ".join(str(one["repository"]).rsplit("/", 1)[1] for one in looks_at)
        found.setdefault(names, []).append((len(looks_at), run.expected_start_time))  # type: ignore[arg-type]
    assert found.keys() == {"one two", "three"}
    assert {at.astimezone(BERLIN).hour for _, at in found["one two"]} == {9}
    assert {at.astimezone(UTC).hour for _, at in found["one two"]} == {8, 7}
    assert {at.astimezone(NEW_YORK).hour for _, at in found["three"]} == {9}
    assert {at.astimezone(UTC).hour for _, at in found["three"]} == {13}


def in_spring(run: FlowRun) -> bool:
    at = run.expected_start_time
    return at is not None and SPRING <= at < SPRING + timedelta(days=5)


def missed_runs(client: SyncPrefectClient, parameters: dict[str, Any]) -> list[FlowRun]:
    """Three starts of an hourly schedule of the deployment that came due while no worker ran."""
    deployment = client.read_deployment_by_name("scheduled-release/scheduled-release").id
    client.request(
        "POST", "/deployments/{id}/schedules", path_params={"id": deployment},
        json=[{"schedule": {"cron": "0 * * * *"}, "active": True, "parameters": parameters}],
    )  # fmt: skip
    now = datetime.now(UTC)
    let_schedule(client, deployment, now - timedelta(hours=3), now, 3)
    return [run for run in runs_of(client, deployment) if run.expected_start_time and run.expected_start_time < now]


def test_of_the_starts_that_a_downtime_made_late_one_releases_and_the_others_say_so(own_station: Station) -> None:
    """The worker that comes back starts all of them at once."""
    station = own_station.start("--runs", "0")
    with connected(station.api) as client:
        repository = client.read_deployment_by_name("release/release").parameters["request"]["repository"]
        missed = missed_runs(client, {"schedule": {"releases": [{"repository": repository, "version": "minor"}]}})
        assert len(missed) == 3
        until(lambda: {client.read_flow_run(run.id).state_name for run in missed} == {"Late"}, "late runs")
        with worker(station, "back"):
            ends = [station.until_state(client, run, "Too late", "Started").state_name for run in missed]
            releases = [run for run in client.read_flow_runs() if "scheduled" in run.tags]
    assert ends == ["Too late", "Too late", "Started"]
    assert len(releases) == 1
