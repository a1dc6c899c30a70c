"""Questions as Prefect keeps them with a run: written before the run asks, and read in one place."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State

from lockgate.errors import RefusedError
from lockgate.waiting import Waiting, from_json, to_json

PREFIX = "lockgate-question-"
MOST_INPUTS = 200


def store_question(client: SyncPrefectClient, key: str, waiting: Waiting) -> None:
    """Keep a question beside the pause of this key; what an attempt that was killed there left is replaced."""
    run, name = UUID(waiting.run_id), PREFIX + key
    if name in _inputs(client, run, name):
        client.delete_flow_run_input(run, name)
    client.create_flow_run_input(run, name, to_json(waiting))


def read_question(client: SyncPrefectClient, run: UUID, state: State | None) -> Waiting | None:
    """Return what a run asks in this state, or asked in it.

    None for a state that asks nothing, and while the question or its form is not stored yet. Raises RefusedError for a
    question of another shape.
    """
    schema = ((state.state_details.run_input_keyset if state else None) or {}).get("schema", "")
    if not schema:
        return None
    name = PREFIX + schema.removesuffix("-schema")
    stored = _inputs(client, run, name).get(name)
    return from_json(stored, str(run)) if stored is not None and schema in _inputs(client, run, schema) else None


def _inputs(client: SyncPrefectClient, run: UUID, prefix: str) -> dict[str, str]:
    return {one.key: one.value for one in client.filter_flow_run_input(run, prefix, MOST_INPUTS, set())}


def title_and_start(client: SyncPrefectClient, run: UUID, state: State | None) -> tuple[str, str]:
    """Return the title of what a run asks and what a yes starts, for lists: a question that cannot be read says so."""
    try:
        found = read_question(client, run, state)
    except RefusedError:
        return "a question that cannot be read", ""
    return (found.title, found.starts) if found else ("a question", "")
