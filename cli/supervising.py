"""Looks after a server and a worker: starts them again, takes up lost runs, and tells what happens."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from rich.console import Console

from cli.console import say
from cli.services import Service
from cli.stopping import Stop
from clients.locks import here
from lockgate.errors import LockgateError
from lockgate.lines import lines_of

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

LOOK_SECONDS = 2.0
TOLD = 50


def worker_name() -> str:
    """The name of the worker beside this process: LOCKGATE_WORKER, or one made of the machine's."""
    return os.environ.get("LOCKGATE_WORKER") or f"lockgate-{here()}"


def supervise(console: Console, server: Service | None, worker: Service | None, stopped: Stop, again: int) -> None:
    """Until stopped: keep the server and the worker (those that are ours) running, and every lost run taken up.

    Runs are looked at before the worker starts, and whenever it had to be started again; then also for questions that nobody
    can answer, since their process was killed with the worker.
    """
    from prefect.exceptions import PrefectException

    seen: dict[str, str] = {}
    trouble, fresh = "", False
    since = datetime.now(UTC) - timedelta(seconds=LOOK_SECONDS)
    while not stopped.is_set():
        if server is not None and server.ended:
            console.print("Prefect's server ended; it is started again.", style="yellow")
            server.start()
        fresh = fresh or (worker is not None and worker.ended)
        try:
            _look(console, again, seen, since)
            if fresh:
                _ask_anew(console)
            trouble, fresh = "", False
        except (httpx.HTTPError, RuntimeError, PrefectException):
            pass  # the server is starting, or a run was deleted meanwhile: the next look is soon
        except LockgateError as error:
            if trouble != str(error):
                console.print(trouble := str(error), style="yellow", soft_wrap=True)
        if worker is not None and worker.ended:
            worker.start()
        stopped.wait(LOOK_SECONDS)


def _look(console: Console, again: int, seen: dict[str, str], since: datetime) -> None:
    from prefect.client.orchestration import get_client

    from flows.lost_runs import take_up

    with get_client(sync_client=True) as client:
        for run, cure in take_up(client, worker_name(), again):
            what = {"again": "goes on where it was", "cancelled": "is cancelled"}.get(cure, "has crashed")
            console.print(f"{_label(run)}: its process has vanished; it {what}.", style="yellow")
        for run in _recent(client, since):
            _tell(console, run, seen)


def _ask_anew(console: Console) -> None:
    from prefect.client.orchestration import get_client

    from flows.lost_runs import ask_anew

    with get_client(sync_client=True) as client:
        for run in ask_anew(client):
            console.print(f"{_label(run)}: its question was never stored; it asks anew.", style="yellow")


def _recent(client: SyncPrefectClient, since: datetime) -> list[FlowRun]:
    """The releases whose state is younger than `since`, oldest first."""
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName
    from prefect.client.schemas.sorting import FlowRunSort

    from flows.known_runs import RELEASE_FLOW

    releases = FlowFilter(name=FlowFilterName(any_=[RELEASE_FLOW]))
    found = client.read_flow_runs(flow_filter=releases, sort=FlowRunSort.START_TIME_DESC, limit=TOLD)
    return [run for run in reversed(found) if run.state is not None and run.state.timestamp > since]


def _tell(console: Console, run: FlowRun, seen: dict[str, str]) -> None:
    """A line for each new state that matters to a person."""
    if run.state is None or seen.get(str(run.id)) == str(run.state.id) or run.state.type.value == "PENDING":
        return
    seen[str(run.id)] = str(run.state.id)
    line = f"{datetime.now(UTC).astimezone():%H:%M:%S} {_label(run)}: {run.state.name}"
    if run.state.is_paused():
        line += f"; a person decides: lockgate approve {str(run.id)[:8]}"
    elif run.state.message and not run.state.is_running():
        line += f": {lines_of(run.state.message)[0]}"
    say(console, line)


def _label(run: FlowRun) -> str:
    return f"{run.name} ({str(run.id)[:8]})"
