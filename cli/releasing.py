"""`lockgate release`: the flow in this process, with an embedded Prefect server unless PREFECT_API_URL names one."""

from __future__ import annotations

import importlib
import logging
import os
import shlex
import time
from typing import TYPE_CHECKING, cast
from uuid import UUID

from rich.console import Console

from cli.asking import ask
from cli.prefect_server import prefect_server
from cli.running import environment
from cli.server_notes import tell
from cli.watching import Watcher
from lockgate.errors import LockgateError, unavailable
from lockgate.outcome import Report
from lockgate.request import Request

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

HAND_OVER_SECONDS = 15.0
FIRST_TASK_SECONDS = 3.0
LOOK_AGAIN_SECONDS = 0.1


def run_release(request: Request, console: Console, *, asks: bool) -> tuple[Report, str]:
    """Run the flow to its end; the report, and where the run's page is to be seen.

    Raises what is no error of Lockgate's, and KeyboardInterrupt.
    """
    if console.is_terminal:
        console.print("Starting Prefect …", style="dim")
    embedded = "PREFECT_API_URL" not in os.environ
    with prefect_server(_load_the_flow) as pages:
        if pages.note is not None and console.is_terminal:
            console.print("While this runs:", style="dim")
            tell(console, pages.address, pages.auth, pages.note)
        from flows.release_flow import release

        logging.getLogger("prefect").setLevel(logging.CRITICAL)
        with Watcher(console, ask if asks else None):
            state = cast("State[Report]", release(request, return_state=True))
        report = state.result(raise_on_failure=False)
        run_id = state.state_details.flow_run_id
        if run_id is not None:
            hand_over(run_id)
    if isinstance(report, Exception):
        raise report
    page = f"/runs/flow-run/{run_id}"
    if embedded:
        home = shlex.quote(os.environ["PREFECT_HOME"])
        return report, f"PREFECT_HOME={home} lockgate up --runs 0 shows the run at {page}"
    return report, f"{pages.address}{page}"


def cut_off(request: Request, error: BaseException) -> Report:
    """The report of a release whose flow could not tell its own end: Ctrl-C, or Prefect's server gone in the middle.

    It is read from the release's record, so that its exit code says whether the tag is out. Where there is no record to be seen
    (origin or the store does not answer; the release had just ended) nothing is claimed: raises a KeyboardInterrupt again, and
    UnavailableError for any other error.
    """
    from flows.ending import Trail, make_report, unknown
    from planning.opening import open_release

    trail, unseen = Trail(request), "there is no record of it"
    try:
        trail.release = open_release(request, environment())
        if trail.fixture is not None:
            return make_report(trail, error if isinstance(error, KeyboardInterrupt) else unknown(error))
    except LockgateError as trouble:
        unseen = trouble.problems[0].seen
    if isinstance(error, KeyboardInterrupt):
        raise error
    raise unavailable(
        f"{type(error).__name__}: {error}; and it cannot be seen whether a tag is out: {unseen}",
        "a release that tells its own end", "start it again with the same command: it finds out and goes on",
    ) from error  # fmt: skip


def _load_the_flow() -> None:
    importlib.import_module("flows.release_flow")


def hand_over(run_id: UUID) -> None:
    """Wait until Prefect has stored the log and every task run's end: both travel behind the run, and the server may end next.

    Gives up after some seconds, sooner where there is no task run at all, as when another release has the turn: the record
    that counts is the fixture.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogHandler

    APILogHandler().flush()
    EventsWorker.drain_all(timeout=HAND_OVER_SECONDS, at_exit=False)
    begun = time.monotonic()
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    with get_client(sync_client=True) as client:
        while True:
            runs = client.read_task_runs(flow_run_filter=mine)
            over = bool(runs) and all(run.state is not None and run.state.is_final() for run in runs)
            if over or time.monotonic() - begun > (HAND_OVER_SECONDS if runs else FIRST_TASK_SECONDS):
                return
            time.sleep(LOOK_AGAIN_SECONDS)
