"""Whose turn it is: one release of a repository at a time, also across its waits for people, crashes and machines."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound, Pause
from prefect.runtime import deployment, flow_run
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL
from prefect.states import Scheduled

from clients import locks
from clients.store import Store
from lockgate.claims import BusyError, Claim, Holder, decide_turn, judge_holder
from lockgate.errors import Problem
from lockgate.request import Request
from lockgate.texts import block
from planning import turns
from planning.record import now
from planning.release import home_of, locate, slug_on_server, store_of, workspace_of

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 2.0
COME_BACK_SECONDS = 20.0
COME_BACK_GROWTH = 1.3
LATEST_COME_BACK_SECONDS = 300.0


@contextlib.contextmanager
def turn(request: Request) -> Iterator[None]:
    """Have the repository's turn, and its workspace to oneself, while the body runs; a dry run needs neither.

    The turn ends with the release; a body that is left for a wait (Prefect's signals are no `Exception`) keeps it. Raises
    BusyError when another run has it; a request in a terminal or a script may wait for it here.
    """
    if request.dry_run:
        yield
        return
    slug = slug_on_server(locate(request.repository)[0], os.environ)
    store = store_of(os.environ)
    with contextlib.ExitStack() as stack:
        _wait(stack, request, slug, store)
        try:
            yield
        except Exception:
            turns.give_back(store, slug, str(flow_run.id))
            raise
        turns.give_back(store, slug, str(flow_run.id))


def _wait(stack: contextlib.ExitStack, request: Request, slug: str, store: Store) -> None:
    told = ""
    while True:
        try:
            return _take(stack, slug, store)
        except BusyError as busy:
            if request.when_busy != "wait" or deployment.id is not None:
                raise
            if str(busy) != told:
                log.warning("Waiting for the turn: %s", told := str(busy))
        time.sleep(LOOK_AGAIN_SECONDS)


def _take(stack: contextlib.ExitStack, slug: str, store: Store) -> None:
    """Lock the workspace and claim the turn, or raise BusyError with nothing locked.

    A turn that this run has already moves with it to the machine that it goes on on, where its process is looked for.
    """
    with contextlib.ExitStack() as attempt:
        free = attempt.enter_context(locks.hold(workspace_of(os.environ, slug)))
        found, mine = turns.read_claim(store, slug), _claim()
        if not free:
            raise _busy(found, mine)
        if decide_turn(found, mine.run, _judge(found, mine)) == "done":
            mine = replace(mine, since=found.since) if found else mine
        elif found is not None:
            log.warning(
                "%s (run %s) had this repository's turn and is no more: it is taken over", found.name, found.run
            )
        if found != mine and not turns.write_claim(store, slug, mine, found):
            raise _busy(turns.read_claim(store, slug), mine)
        stack.push(attempt.pop_all())


def _claim() -> Claim:
    name, run = str(flow_run.name), str(flow_run.id)
    home, server = str(home_of(os.environ)), str(PREFECT_API_URL.value() or "")
    return Claim(run, name, now(), locks.here(), home, server, deployment.id is not None)


def _busy(found: Claim | None, mine: Claim) -> BusyError:
    """Another process has the workspace, or another run the turn, at this moment."""
    if found is not None and found.run != mine.run:
        decide_turn(found, mine.run, "working")
    problem = Problem(
        "another process works in this repository's workspace", "one at a time", "wait for it, or end that process"
    )
    return BusyError(problem)


def _judge(found: Claim | None, mine: Claim) -> Holder:
    """What became of the run that has the turn; asked while this process has the workspace's lock."""
    if found is None or found.run == mine.run:
        return "over"
    process = False if (found.host, found.home) == (mine.host, mine.home) else None
    state = state_of(found.run, mine.server)
    if not state and found.server != mine.server:
        state = state_of(found.run, found.server)
    return judge_holder(state, process, suspends=found.suspends)


def state_of(run: str, server: str) -> str | None:
    """Give the type of a run's state by one Prefect server; "" when it does not know the run, None when it does not answer."""
    try:
        # `get_client` would give the flow's own client, whatever the settings say.
        with SyncPrefectClient(server, auth_string=PREFECT_API_AUTH_STRING.value()) as client:
            state = client.read_flow_run(UUID(run)).state
    except ObjectNotFound:
        return ""
    except (httpx.HTTPError, OSError, RuntimeError):
        return None
    return state.type.value if state else ""


def come_back(busy: BusyError) -> NoReturn:
    """End this process and have the run, which is behind another one, started again in a while; raises Prefect's Pause.

    The more often it came back the longer it stays away: the other one may wait for a person for days.
    """
    seconds = min(COME_BACK_SECONDS * COME_BACK_GROWTH ** max(flow_run.run_count - 1, 0), LATEST_COME_BACK_SECONDS)
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    state: State[Any] = Scheduled(name="Waiting for its turn", message=block(str(busy)), scheduled_time=at)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(flow_run.id), state, force=True)
    raise Pause(state=state)


def comes_back(request: Request) -> bool:
    """Whether a run that is behind another one is to be started again by its worker."""
    return request.when_busy == "wait" and deployment.id is not None
