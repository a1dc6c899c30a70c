"""Runs that left no word on how they ended: aborted, or expired, while they waited for a person without a process.

Prefect knows. It is asked at the start of every release of the repository, so that what was stopped is not gone on with as if
nothing had been said.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run

from flows.waiting_runs import GAVE_UP
from lockgate.continuation import Attempt, ThisRun
from lockgate.request import Request
from planning import attempts
from planning.release import locate, slug_on_server, store_of


def this_run() -> ThisRun:
    """Return the run that this code runs in, and when it was asked for: created, or due where a schedule made it ahead of time."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(flow_run.id))
        states = client.read_flow_run_states(run.id)
    due = [one.state_details.scheduled_time for one in sorted(states, key=lambda one: one.timestamp)[:1]]
    asked = max(one for one in (run.created, *due, datetime.min.replace(tzinfo=UTC)) if one is not None)
    return ThisRun(str(run.id), asked.isoformat())


def note_ends(request: Request) -> None:
    """Note how the runs ended that worked on releases of this repository last and left no word of it themselves.

    One whose process was killed has no end: it goes on, or is taken up.
    """
    slug, store = slug_on_server(locate(request.repository)[0], os.environ), store_of(os.environ)
    for version, attempt in attempts.open_ones(store, slug):
        how = how_ended(attempt)
        if how:
            attempts.end(store, slug, version, attempt.run, how)


def how_ended(attempt: Attempt) -> str:
    """Return how an attempt's run ended since the attempt began; "" when it did not, or this server does not know it."""
    since = datetime.fromisoformat(attempt.since)
    try:
        with get_client(sync_client=True) as client:
            states = client.read_flow_run_states(UUID(attempt.run))
    except ObjectNotFound:
        return ""
    ends = [(one.timestamp, how) for one in states if one.timestamp > since and (how := _end(one))]
    return max(ends)[1] if ends else ""


def _end(state: State) -> str:
    if state.type == StateType.CANCELLED:
        return "cancelled"
    expired = state.type == StateType.FAILED and (state.name == "Expired" or state.message in GAVE_UP)
    return "expired" if expired else ""
