"""Releases operated from Prefect, on one machine: `lockgate up`, a real server, a real worker, the command line."""

from __future__ import annotations

import json
import os
import signal

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.states import AwaitingRetry

from clients.locks import is_held
from tests.operating import SERVER, Station, is_alive, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

TESTS = "Complete test suite with --all flag"
PUBLISHER = "Confirm PyPI Trusted Publisher settings"


def test_approved_by_the_command_line_a_release_goes_through(station: Station, client: SyncPrefectClient) -> None:
    """It waits without a process, refuses what the form does not take, and publishes after two answers."""
    run = station.begin(client)
    station.until_state(client, run, "Suspended")
    station.until_asked(client, run, TESTS)
    station.until_idle()

    listed = json.loads(station.run("status", "--json").stdout)
    assert [(one["state"], one["asks"]) for one in listed if one["id"] == str(run.id)] == [("Suspended", TESTS)]
    assert f"lockgate approve {str(run.id)[:8]}" in station.run("status").stdout

    silent = station.run("approve")
    assert silent.returncode == 2
    assert "no decision was given, and standard input or output is no terminal" in silent.stdout
    wrong = station.run("approve", "--decision", "perhaps", "--name", "ann")
    assert "'perhaps' is not one of ['approve', 'decline', 'abort']" in wrong.stdout
    assert "this question has no version" in station.approve(run, "--version", "2").stdout
    assert "takes no signature" in station.approve(run, "--key", "none").stdout

    assert "it goes on" in station.approve(run).stdout
    station.until_asked(client, run, PUBLISHER)
    answered = json.loads(station.approve(run, "--json").stdout)
    assert (answered["id"], answered["answer"]["decision"]) == (str(run.id), "approve")
    ended = station.until_state(client, run, "Released")
    assert "is on the index" in ended.state.message
    late = station.approve(run)
    assert (late.returncode, "does not wait: it is Released" in late.stdout) == (1, True)
    lines = [json.loads(line) for line in station.run("logs", str(run.id), "--json").stdout.splitlines()]
    assert any("approved for this very evidence by ann" in line["message"] for line in lines)
    assert station.run("abort", str(run.id)).returncode == 1


def test_server_and_worker_killed_while_it_waits_come_back(station: Station, client: SyncPrefectClient) -> None:
    run = station.begin(client, version="patch")
    station.until_asked(client, run, TESTS)
    for words in ("prefect worker start", SERVER):
        os.kill(station.pid_of(words), signal.SIGKILL)
    until(lambda: station.approve(run).returncode == 0, f"an approval\n{station.output}")
    station.until_asked(client, run, PUBLISHER)
    until(lambda: station.approve(run).returncode == 0, f"an approval\n{station.output}")
    station.until_state(client, run, "Released")


def test_a_run_killed_with_its_worker_goes_on(station: Station, client: SyncPrefectClient) -> None:
    run = station.begin(client, version="patch")
    station.until_state(client, run, "Running")
    engine = station.pid_of("prefect.engine")
    os.kill(station.pid_of("prefect worker start"), signal.SIGKILL)
    until(lambda: not is_alive(engine), "the end of the flow's process", 20)
    station.until_asked(client, run, TESTS)
    assert "its process has vanished; it goes on where it was" in station.output


def test_an_aborted_run_leaves_nothing_and_the_next_one_works(station: Station, client: SyncPrefectClient) -> None:
    run = station.begin(client, version="patch")
    station.until_state(client, run, "Running")
    workspace = station.folder / "workspaces" / "example+lockgate-sample"
    until(lambda: is_held(workspace), "the lock on the workspace")
    done = station.run("abort", str(run.id), "--json")
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "Cancelled"), done.stderr
    station.until_idle()
    assert not is_held(workspace)
    another = station.begin(client, version="patch")
    station.until_asked(client, another, TESTS)


def test_one_release_of_a_repository_at_a_time(station: Station, client: SyncPrefectClient) -> None:
    """The second waits, without a process, and says behind which run; or is refused, when the request wants that."""
    first = station.begin(client, version="patch")
    station.until_asked(client, first, TESTS)
    refused = station.begin(client, version="patch", when_busy="refuse")
    second = station.begin(client, version="patch")
    busy = station.until_state(client, refused, "Busy")
    assert f"(run {first.id}) has this repository's turn" in busy.state.message
    behind = station.until_state(client, second, "Waiting for its turn")
    assert f"lockgate status {str(first.id)[:8]}" in behind.state.message
    origin = first.parameters["request"]["repository"]
    environ = {**station.environ, **station.outside(), "PREFECT_API_URL": station.api}
    here = station.run("release", "patch", "--repository", origin, "--yes", "--tested", "ran there", environ=environ)
    assert (here.returncode, "has this repository's turn" in here.stdout) == (1, True), here.stdout
    station.run("abort", str(first.id))
    station.until_asked(client, second, TESTS)


def test_a_declined_release_is_asked_anew_when_it_is_retried(station: Station, client: SyncPrefectClient) -> None:
    """The retry of Prefect's newer pages and of its command line; nothing is published without an answer."""
    run = station.begin(client, version="patch")
    station.until_asked(client, run, TESTS)
    station.run("approve", str(run.id), "--decision", "decline", "--name", "ann", "--note", "not yet")
    ended = station.until_state(client, run, "Declined")
    assert "ann declined" in ended.state.message
    client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
    station.until_asked(client, run, TESTS)
    station.approve(run)
    station.until_asked(client, run, PUBLISHER)
