"""What Prefect knows of the runs of our flows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from lockgate.errors import LockgateError, Problem, SettingsError
from lockgate.schedules import is_same_repository
from planning.release import locate

RELEASE_FLOW = "release"
PAGE = 200
AT_WORK = (StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING)
AUTOMATIC = "SCHEDULE"


def read_runs(states: Sequence[StateType]) -> tuple[FlowRun, ...]:
    """Every run of the release flow in one of these types of state, the earliest first."""
    flow = FlowFilter(name=FlowFilterName(any_=[RELEASE_FLOW]))
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))))
    found: list[FlowRun] = []
    with get_client(sync_client=True) as client:
        while len(found) % PAGE == 0:
            page = client.read_flow_runs(
                flow_filter=flow, flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=PAGE,
                offset=len(found),
            )  # fmt: skip
            found += page
            if not page:
                break
    return tuple(found)


def run_at_work(origin_url: str) -> str:
    """What works on a repository already, in words; "" when nothing does.

    A run that is scheduled for later counts too: it is about to.
    """
    for run in read_runs(AT_WORK):
        if is_same_repository(_origin_of(run), origin_url):
            return f"run {run.name!r} is {(run.state_name or 'Scheduled').lower()}"
    return ""


def _origin_of(run: FlowRun) -> str:
    """The repository that a release was asked for; a folder of this machine as its origin."""
    request = run.parameters.get("request", {})
    given = str(request.get("repository", "")) if isinstance(request, dict) else ""
    try:
        return locate(given)[0]
    except LockgateError:
        return given


def newer_due_run(run: FlowRun, now: datetime) -> str:
    """The name of a run of the same schedule that was due after this one and is due by now; "" when there is none."""
    if run.deployment_id is None or run.expected_start_time is None:
        return ""
    due = FlowRunFilterExpectedStartTime.model_validate({"after_": run.expected_start_time, "before_": now})
    wanted = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]), expected_start_time=due)
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=PAGE)
    for one in found:
        later = one.expected_start_time is not None and one.expected_start_time > run.expected_start_time
        if later and is_automatic(one) and _schedule(one) == _schedule(run):
            return f"run {one.name!r}"
    return ""


def start_run(deployment: str, parameters: dict[str, Any], *, key: str, tags: Sequence[str]) -> FlowRun:
    """Start a run of a deployment (FLOW/DEPLOYMENT), once for each key; it runs when a worker takes it.

    Raises SettingsError when there is no such deployment.
    """
    with get_client(sync_client=True) as client:
        try:
            found = client.read_deployment_by_name(deployment)
        except ObjectNotFound as error:
            raise SettingsError(
                Problem(
                    f"there is no deployment {deployment!r}", "the one that runs a release, as FLOW/DEPLOYMENT",
                    "deploy it (`lockgate deploy`), or correct `deployment` in the schedule",
                )
            ) from error  # fmt: skip
        return client.create_flow_run_from_deployment(found.id, parameters=parameters, idempotency_key=key, tags=tags)


def is_automatic(run: FlowRun) -> bool:
    """Whether a schedule made this run, rather than a person."""
    return run.auto_scheduled or (run.created_by is not None and run.created_by.type == AUTOMATIC)


def read_run(run_id: str) -> FlowRun:
    """One run as Prefect has it now."""
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(run_id))


def now() -> datetime:
    """The time in UTC, with its zone."""
    return datetime.now(UTC)


def _schedule(run: FlowRun) -> UUID | None:
    return run.created_by.id if run.created_by else None
