"""Whatever is killed under a release at work: nothing of it goes on, and the run is taken up again, but not for ever."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient

from flows.lost_runs import AGAIN, TOO_OFTEN
from sandbox.world import Sandbox
from tests.operating import Station, connected, git_show, is_alive, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500), pytest.mark.xdist_group("operations")]

PUBLISHER = "Confirm PyPI Trusted Publisher settings"
WORKER, ENGINE, SERVER = "prefect worker start", "prefect.engine", "cli.pages"
KILLS = [(WORKER, signal.SIGTERM), (WORKER, signal.SIGKILL), (ENGINE, signal.SIGKILL), (WORKER, signal.SIGKILL)]


@pytest.fixture
def gate(own_station: Station, tmp_path: Path) -> Iterator[Path]:
    """A file without which the project's test command waits for ever: a child of the run that outlives it if it can."""
    gate = tmp_path / "gate"
    code = f"import pathlib, time; [time.sleep(600) for _ in range(9) if not pathlib.Path('{gate}').exists()]"
    project = git_show(own_station.folder / "origin.git", "main:pyproject.toml")
    command = f"\n[tool.lockgate]\ntest-command = ['python', '-c', \"{code}\"]\n"
    Sandbox.open(own_station.folder).commit_to_main("pyproject.toml", project + command, "Test for ever")
    yield gate
    gate.touch()


def at_work(station: Station) -> dict[int, str]:
    """Every process of the run, once its tests have begun."""

    def look() -> dict[int, str]:
        runs = {pid: line for pid, line in station.children().items() if ENGINE in line or "time.sleep(600)" in line}
        return runs if any("time.sleep(600)" in line for line in runs.values()) else {}

    return until(look, f"the tests\n{station.output[-2000:]}")  # type: ignore[no-any-return]


def test_killed_runs_leave_nothing_go_on_three_times_and_then_let_the_next_one_through(
    own_station: Station, gate: Path
) -> None:
    """By SIGTERM and SIGKILL to the worker, SIGKILL to the flow; at the end the server is killed too, with the turn still held."""
    station = own_station.start()
    with connected(station.api) as client:
        run = station.begin(client)
        for words, number in KILLS:
            processes = at_work(station)
            os.kill(station.pid_of(words), number)
            until(lambda gone=processes: not any(is_alive(pid) for pid in gone), f"the end of {processes}", 30)
        until(lambda: client.read_flow_run(run.id).state.message == TOO_OFTEN, f"the end of it\n{station.output}")  # type: ignore[union-attr]
        assert client.read_flow_run(run.id).state_name == "Crashed"
        assert sum(state.message == AGAIN for state in client.read_flow_run_states(run.id)) == len(KILLS) - 1
        gate.touch()
        os.kill(station.pid_of(SERVER), signal.SIGKILL)
        until(lambda: "Prefect's server ended; it is started again" in station.output, "the server")
        another = until(lambda: begin(station, client), "the next release")
        station.until_asked(client, another, PUBLISHER)
        station.approve(another)
        station.until_state(client, another, "Released")


def begin(station: Station, client: SyncPrefectClient) -> object:
    """Start another release of the repository; None while the server is not there."""
    from httpx import HTTPError

    try:
        return station.begin(client)
    except (HTTPError, RuntimeError):
        return None


def test_a_dead_holder_of_a_limit_keeps_nobody_out_after_a_restart_of_the_server(
    station: Station, client: SyncPrefectClient
) -> None:
    """One scheduled look at a time is Prefect's own limit; its leases are in files, so a killed server forgets none."""
    environ = Path(f"/proc/{station.pid_of(SERVER)}/environ").read_text()
    assert "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem" in environ
    deployment = client.read_deployment_by_name("scheduled-release/scheduled-release")
    repository = client.read_deployment_by_name("release/release").parameters["request"]["repository"]
    wanted = {"schedule": {"releases": [{"repository": repository}]}}
    holder, next_one = (client.create_flow_run_from_deployment(deployment.id, parameters=wanted) for _ in range(2))
    running = until(
        lambda: next((one for one in (holder, next_one) if client.read_flow_run(one.id).state_name == "Running"), None),
        "the holder",
    )
    os.kill(station.pid_of(WORKER), signal.SIGKILL)
    os.kill(station.pid_of(SERVER), signal.SIGKILL)
    for one in (holder, next_one):
        station.until_state(client, one, "Nothing to release")
    assert sum(state.message == AGAIN for state in client.read_flow_run_states(running.id)) == 1
