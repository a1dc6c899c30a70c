"""Takes up runs whose process has vanished: killed with its worker, or with the machine.

Prefect leaves such a run in the state that it was in. An automation on missed heartbeats (see `flows.heartbeats`) is the second
net only: events may be lost.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    WorkerFilter,
    WorkerFilterStatus,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import AwaitingRetry, Cancelled, Crashed

from clients import locks
from flows.known_runs import read_runs
from lockgate.claims import Claim
from lockgate.lost_runs import Cure, Symptoms, judge
from planning import turns
from planning.release import home_of, store_of, workspace_of

TAG = "lockgate"
POOL = "lockgate"
PAGE = 200
TROUBLE = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, StateType.CRASHED)
AGAIN = "Its process has vanished: it goes on where it was."
TOO_OFTEN = "Its process has vanished again and again: read its log, then retry it."
NEVER_STORED = "It waited with a question that was never stored, which nobody could answer: it is asked anew."
GONE = "It was cancelled, and its process is gone."


def take_up(client: SyncPrefectClient, worker: str, limit: int) -> Iterator[tuple[FlowRun, Cure]]:
    """Start every lost run of Lockgate's deployments again, at most `limit` times each; yields what was done.

    `worker` is the name of the worker beside this process. What has the turn of a repository is judged on the machine that its
    claim names, and nowhere else: that machine may be at work without reaching the server. What has no turn is judged where
    the worker is the only one online.
    """
    held = {claim.run: (slug, claim) for slug, claim in turns.claims(store_of(os.environ))}
    alone: bool | None = None
    for run in _troubled(client):
        if run.state is None or run.deployment_id is None:
            continue
        alone = is_alone(client, worker) if alone is None else alone
        process = _process(run, held.get(str(run.id)), alone=alone)
        age = (datetime.now(UTC) - run.state.timestamp).total_seconds()
        again = _count(client, run) if process is False or run.state.is_pending() else 0
        cure = judge(Symptoms(run.state.type.value, age, process, again), limit)
        if cure != "leave":
            client.set_flow_run_state(run.id, _state(cure), force=True)
            yield run, cure


def ask_anew(client: SyncPrefectClient) -> Iterator[FlowRun]:
    """Start every release again that waits with a question that was never stored; yields them.

    A process that is killed between Prefect's pause and its form leaves such a run: every answer to it is refused for ever.
    A run whose form is stored a moment later asks anew all the same, so this needs no certainty.
    """
    for run in read_runs([StateType.PAUSED]):
        keys = (run.state.state_details.run_input_keyset or {}) if run.state else {}
        schema = keys.get("schema", "")
        if run.deployment_id is None or not schema or client.filter_flow_run_input(run.id, schema, 1, set()):
            continue
        client.set_flow_run_state(run.id, AwaitingRetry(message=NEVER_STORED), force=True)
        yield run


def is_alone(client: SyncPrefectClient, worker: str) -> bool:
    """Whether no other worker of the pool is online."""
    online = WorkerFilter(status=WorkerFilterStatus(any_=["ONLINE"]))
    return all(one.name == worker for one in client.read_workers_for_work_pool(POOL, online))


def _troubled(client: SyncPrefectClient) -> list[FlowRun]:
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[TAG]), state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(TROUBLE)))
    )
    return client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=PAGE)


def _process(run: FlowRun, held: tuple[str, Claim] | None, *, alone: bool) -> bool | None:
    """Whether a process works for a run; the lock on the workspace knows for certain, the worker's note nearly so.

    A claim says where a run was at work: one that is about to start may do so on another machine.
    """
    pid = run.infrastructure_pid or ""
    if not alone and (held is None or (run.state is not None and run.state.is_pending())):
        return None
    if held is not None:
        slug, claim = held
        if (claim.host, claim.home) != (locks.here(), str(home_of(os.environ))):
            return None
        return locks.is_held(workspace_of(os.environ, slug)) or _is_starting(run, pid, alone=alone)
    return pid.isdigit() and locks.is_alive(int(pid), f"PREFECT__FLOW_RUN_ID={run.id}")


def _is_starting(run: FlowRun, pid: str, *, alone: bool) -> bool:
    """Whether the process is there and has not come to lock its workspace yet, or has let go of it already."""
    return alone and pid.isdigit() and locks.is_alive(int(pid), f"PREFECT__FLOW_RUN_ID={run.id}")


def _count(client: SyncPrefectClient, run: FlowRun) -> int:
    return sum(1 for state in client.read_flow_run_states(run.id) if state.message == AGAIN)


def _state(cure: Cure) -> State[None]:
    if cure == "again":
        return AwaitingRetry(message=AGAIN)
    return Cancelled(message=GONE) if cure == "cancelled" else Crashed(message=TOO_OFTEN)
