"""The releases that wait for a person, as Prefect keeps them."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Failed
from prefect.utilities.urls import url_for

from flows.known_runs import read_runs
from flows.questions import title_and_start
from lockgate.errors import Problem
from lockgate.reminders import WaitingRun
from lockgate.texts import block

APPROVERS = "lockgate.approvers"
"""The label of a release's run that names who may approve."""

GAVE_UP = ("The flow was paused and never resumed.", "The flow was failed and never resumed.")
"""What Prefect says of a run whose pause timed out, when it ends it by itself."""


def waiting_runs() -> tuple[WaitingRun, ...]:
    """Every release that is paused or suspended, the one that waits longest first."""
    with get_client(sync_client=True) as client:
        found = [_waiting(client, run, run.state) for run in read_runs([StateType.PAUSED])]
    return tuple(sorted((one for one in found if one), key=lambda one: one.since))


def timed_out_runs() -> tuple[WaitingRun, ...]:
    """Releases that Prefect itself ended at a checkpoint's deadline, under a name that does not say so."""
    runs = [run for run in read_runs([StateType.FAILED]) if run.state is not None and run.state.message in GAVE_UP]
    with get_client(sync_client=True) as client:
        found = [_waiting(client, run, _last_pause(client, run)) for run in runs]
    return tuple(one for one in found if one)


def _last_pause(client: SyncPrefectClient, run: FlowRun) -> State | None:
    states = [one for one in client.read_flow_run_states(run.id) if one.type == StateType.PAUSED]
    return max(states, key=lambda one: one.timestamp, default=None)


def expire(waiting: WaitingRun, why: Problem) -> None:
    """End a waiting run in the state Expired; it can be retried, and asks again then."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(waiting.run_id), Failed(name="Expired", message=block(str(why))), force=True)


def _waiting(client: SyncPrefectClient, run: FlowRun, state: State | None) -> WaitingRun | None:
    """What a run waits for, or waited for in this earlier state."""
    if state is None:
        return None
    title, starts = title_and_start(client, run.id, state)
    return WaitingRun(
        str(run.id), run.name, title, state.timestamp, deadline=state.state_details.pause_timeout,
        who=str(run.labels.get(APPROVERS, "")), starts=starts, page=url_for(run) or "",
    )  # fmt: skip
