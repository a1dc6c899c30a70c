"""Several machines: a server, two workers with homes of their own, one store."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.operating import COMMAND, Station, connected, git_show, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

TESTS = "Complete test suite with --all flag"
PUBLISHER = "Confirm PyPI Trusted Publisher settings"


@contextmanager
def worker(station: Station, name: str) -> Iterator[Station]:
    """`lockgate worker` with a home of its own, for the station's server."""
    home = station.folder / name
    home.mkdir()
    environ = {**station.environ, **station.outside(), "LOCKGATE_HOME": str(home), "LOCKGATE_WORKER": name}
    environ |= {"PREFECT_API_URL": station.api, "LOCKGATE_STORE": str(station.folder / "shared")}
    with (home / "out.log").open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "worker"], cwd=home, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: f"Worker {name} runs here" in (home / "out.log").read_text(), "the worker")
        yield station
    finally:
        process.terminate()
        assert process.wait(60) == 0, (home / "out.log").read_text()


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
