"""Scheduled releases: look at several repositories on a schedule, and start a run of the release for each that has something.

A release that it starts is a run of its own, of the release deployment: it waits at its checkpoints without a process,
and is stopped, resumed and seen like any other. Prefect cannot suspend a flow inside another one.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date

from prefect import flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.utilities.urls import url_for

from flows import known_runs
from flows.run_log import show_logs
from lockgate.errors import LockgateError, SettingsError, TransientError
from lockgate.request import Request
from lockgate.schedules import STARTS, Kind, Schedule, Verdict, judge_outlook, outcome, too_late
from lockgate.texts import block
from tasks.schedule import look_for_release, show_rows

ASKED_BY = "schedule"
ENDS: tuple[tuple[type[LockgateError], Kind], ...] = (
    (SettingsError, "misconfigured"),
    (TransientError, "unavailable"),
    (LockgateError, "refused"),
)


@flow(name="scheduled-release", retries=0, persist_result=False)
def scheduled_release(schedule: Schedule) -> State[list[Verdict]]:
    """Start a release for each repository of the schedule that has something to release.

    Ends in a named state that says why: Nothing to release, Started, Under way, Frozen until …, Too late (all green);
    Refused, Unavailable, Misconfigured. A release whose tag is out goes on even in a freeze.
    """
    show_logs()
    me = known_runs.read_run(str(flow_run.id))
    if said := _too_late(schedule, me):
        return Completed(name="Too late", message=said, data=[])
    try:
        day = schedule.today(known_runs.now())
    except SettingsError as error:
        return Failed(name="Misconfigured", message=block(str(error)), data=[])
    handled = [(request, *_handle(schedule, request, day)) for request in schedule.releases]
    rows = [_row(*one) for one in handled]
    verdicts = [verdict for _, verdict, _ in handled]
    show_rows("scheduled-release", rows, "What each repository of the schedule came to")
    name, good = outcome(verdicts)
    message = "\n".join(one.why for one in verdicts)
    return (Completed if good else Failed)(name=name, message=block(message), data=verdicts)


def _too_late(schedule: Schedule, me: FlowRun) -> str:
    """Why this run gives way; a person's run, and one that is tried again, never does."""
    if not known_runs.is_automatic(me) or me.expected_start_time is None or me.run_count > 1:
        return ""
    now = known_runs.now()
    return too_late(me.expected_start_time, now, schedule.latest_start_hours, known_runs.newer_due_run(me, now))


def _handle(schedule: Schedule, request: Request, day: date) -> tuple[Verdict, str]:
    """Look at one repository and start its release when there is something; the verdict, and the page of the run."""
    try:
        seen = look_for_release(request)
        active = known_runs.run_at_work(seen.origin_url)
        outlook = replace(seen.outlook, active=active, calendar=(*schedule.freeze, *seen.outlook.calendar))
        verdict = judge_outlook(outlook, day)
        if verdict.kind not in STARTS:
            return verdict, ""
        return verdict, _start(schedule, request, verdict, seen.slug)
    except LockgateError as error:
        kind: Kind = next(kind for of, kind in ENDS if isinstance(error, of))
        return Verdict(kind, f"{request.repository}: {error}"), ""


def _start(schedule: Schedule, request: Request, verdict: Verdict, slug: str) -> str:
    """Start the release as a run of its own, once however often this run is tried; the address of its page.

    Raises SettingsError when the schedule names no deployment.
    """
    asked = replace(request, unattended=True, requested_by=request.requested_by or ASKED_BY)
    if verdict.kind == "go on":
        asked = replace(asked, version=verdict.version)
    key = f"{slug} {verdict.version} {flow_run.id}"
    run = known_runs.start_run(schedule.deployment, {"request": asdict(asked)}, key=key, tags=["scheduled", slug])
    return url_for(run) or run.name


def _row(request: Request, verdict: Verdict, page: str) -> dict[str, str]:
    return {"repository": request.repository, "what": verdict.kind, "why": verdict.why, "run": page}
