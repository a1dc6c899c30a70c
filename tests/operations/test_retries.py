"""Retries of a deployed release that waited: by Prefect's first pages and by its command line.

After some of them Prefect takes an unanswered question for answered, after others for asked already. Here it is asked anew
every time, and nothing is tagged before the answers.
"""

from __future__ import annotations

import subprocess

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling, Scheduled

from cli.services import program
from sandbox.world import Sandbox
from tests.operating import Station

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

TESTS = "Complete test suite with --all flag"
PUBLISHER = "Confirm PyPI Trusted Publisher settings"


def by_command_line(station: Station, client: SyncPrefectClient, run: FlowRun) -> None:
    environ = {**station.environ, "PREFECT_API_URL": station.api}
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


@pytest.mark.parametrize(
    ("end", "retry"), [(cancelled, by_command_line), (cancelled, by_first_pages), (declined, by_first_pages)]
)
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
    station.until_asked(client, run, PUBLISHER)
    outside = Sandbox.open(station.folder)
    before = str(outside.journal).count("refs/tags/")
    station.approve(run)
    station.until_state(client, run, "Released")
    assert str(outside.journal).count("refs/tags/") == before + 1
