"""Several machines: a server, two workers with homes of their own, one store."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from flows.lost_runs import AGAIN
from sandbox.world import Sandbox
from tests.operating import Station, below, connected, git_show, until, worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

TESTS = "Complete test suite with --all flag"
PUBLISHER = "Confirm PyPI Trusted Publisher settings"
LONG_SECONDS = 15.0


def test_approved_on_one_machine_resumed_on_another_with_the_original_bytes(own_station: Station) -> None:
    station = own_station.start("--runs", "0")
    with connected(station.api) as client:
        with worker(station, "one"):
            run = station.begin(client)
            station.until_asked(client, run, TESTS)
        kept = (station.folder / "shared").rglob("1.1.0.json.json")
        built = {one["name"]: one["sha256"] for one in json.loads(next(kept).read_text())["artifacts"]}
        assert len(built) == 2
        with worker(station, "two"):
            station.approve(run)
            station.until_asked(client, run, PUBLISHER)
            station.approve(run)
            station.until_state(client, run, "Released")
    published = json.loads(git_show(station.folder / "origin.git", "main:releases/1.1.0.json"))
    assert {one["name"]: one["sha256"] for one in published["artifacts"]} == built
    assert (station.folder / "one" / "workspaces").is_dir()
    assert (station.folder / "two" / "workspaces").is_dir()
    assert not (station.folder / "workspaces").exists()


@contextmanager
def held(supervisor: int) -> Iterator[None]:
    """A worker that is there, with its supervisor, and takes no run meanwhile."""
    (pid,) = [pid for pid, line in below(supervisor).items() if "prefect worker" in line and "keeper" not in line]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def artifacts_of(station: Station) -> set[str]:
    """The digests of what was built, as the shared store has them."""
    kept = next((station.folder / "shared").rglob("1.1.0.json.json"))
    return {one["sha256"] for one in json.loads(kept.read_text())["artifacts"]}


def test_two_workers_at_once_share_a_store_and_do_no_work_twice(own_station: Station) -> None:
    """Two releases are asked for at once: one goes first, is taken on by the other worker, and is published once.

    The publishing takes long enough for the supervisor of the first worker to miss a process, if it looked for one there.
    """
    outside = Sandbox.open(own_station.folder)
    outside.set_delay(LONG_SECONDS)
    station = own_station.start("--runs", "0")
    with connected(station.api) as client, worker(station, "one") as one, worker(station, "two") as two:
        runs = [station.begin(client, version="1.1.0") for _ in range(2)]
        (first,) = until(lambda: [run for run in runs if state_of(client, run) == "Suspended"], "a question")
        (second,) = [run for run in runs if run.id != first.id]
        station.until_asked(client, first, TESTS)
        station.until_state(client, second, "Waiting for its turn")
        built = artifacts_of(station)
        with held(one if has_workspace(station, "one") else two):
            station.approve(first)
            station.until_asked(client, first, PUBLISHER)
            station.approve(first)
            station.until_state(client, first, "Released")
        assert has_workspace(station, "one")
        assert has_workspace(station, "two")
        station.until_state(client, second, "Released")
        messages = [state.message for run in runs for state in client.read_flow_run_states(run.id)]
    assert AGAIN not in messages
    assert sum("refs/tags/v1.1.0" in str(change) for change in outside.journal) == 1
    published = json.loads(git_show(station.folder / "origin.git", "main:releases/1.1.0.json"))
    assert {one["sha256"] for one in published["artifacts"]} == built


def state_of(client: SyncPrefectClient, run: FlowRun) -> str | None:
    return client.read_flow_run(run.id).state_name


def has_workspace(station: Station, name: str) -> bool:
    return (station.folder / name / "workspaces" / "example+lockgate-sample" / ".git").exists()
