"""Notifications through Prefect's automations, to a local receiver."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Failed, Running, Suspended

from flows import notifying
from flows.ending import NAMES
from lockgate.errors import SettingsError

DEADLINE_SECONDS = 60.0


@pytest.fixture
def client(prefect_api: str) -> Iterator[SyncPrefectClient]:
    """The server's client; no automation of ours is there before and after."""
    with get_client(sync_client=True) as found:
        _remove(found)
        yield found
        _remove(found)


def _remove(client: SyncPrefectClient) -> None:
    for name in notifying.KINDS:
        for one in client.read_automations_by_name(name):
            client.request("DELETE", "/automations/{id}", path_params={"id": one.id})


@pytest.fixture
def block(prefect_api: str, receiver: Any) -> str:
    """A notification block that posts to the receiver."""
    name = f"notify-{uuid4().hex[:8]}"
    body = {"subject": "{{subject}}", "body": "{{body}}"}
    CustomWebhookNotificationBlock(name=name, url=receiver.url, json_data=body).save(name)
    return f"custom-webhook/{name}"


def start(client: SyncPrefectClient, tags: list[str]) -> FlowRun:
    """A run of a deployment of the release with these tags."""
    flow_id = client.create_flow_from_name("release")
    deployment = client.create_deployment(flow_id, f"notified-{uuid4().hex[:8]}", tags=tags)
    return client.create_flow_run_from_deployment(
        deployment, name="demo 1.1.0", parameters={"request": {"repository": "a-private-place"}}
    )


def until(condition: Callable[[], Any], what: str) -> Any:
    """Look until the condition gives something."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {DEADLINE_SECONDS} s for {what}")


def test_every_named_end_is_told(prefect_api: str) -> None:
    assert {name for _, name in NAMES} | {"Stopped", "Failed", "Crashed"} <= set(notifying.STOPPED)


@pytest.mark.parametrize(
    "state",
    [
        Suspended(timeout_seconds=60),
        Failed(name="Refused", message="the tree is dirty"),
        Failed(name="Evidence changed", message="other bytes"),
        Completed(name="Released", message="demo 1.1.0 is on the index"),
    ],
    ids=lambda state: state.name,
)
def test_waiting_stopping_and_release_reach_the_receiver(
    client: SyncPrefectClient, block: str, receiver: Any, state: State[Any]
) -> None:
    notifying.notify_through(block)
    run = start(client, ["lockgate"])
    client.set_flow_run_state(run.id, Running(), force=True)
    client.set_flow_run_state(run.id, state, force=True)
    message = until(lambda: receiver.received, f"a notification of {state.name}")[0]
    assert message["subject"] == f"demo 1.1.0: {state.name}"
    assert (state.message or "") in message["body"]
    assert str(run.id) in message["body"]
    assert "a-private-place" not in str(message)


def test_runs_of_others_and_other_states_are_not_told(client: SyncPrefectClient, block: str, receiver: Any) -> None:
    """Events are handled in their order: what comes last shows that the ones before were passed over."""
    notifying.notify_through(block)
    others = start(client, ["another-project"])
    client.set_flow_run_state(others.id, Failed(name="Refused"), force=True)
    ours = start(client, ["lockgate"])
    client.set_flow_run_state(ours.id, Running(), force=True)
    client.set_flow_run_state(ours.id, Completed(name="Released"), force=True)
    until(lambda: receiver.received, "the notification of ours")
    assert {one["subject"] for one in receiver.received} == {"demo 1.1.0: Released"}


def test_made_twice_there_is_one_of_each_with_the_newest_block(
    client: SyncPrefectClient, block: str, receiver: Any
) -> None:
    CustomWebhookNotificationBlock(name="old", url=receiver.url).save("old", overwrite=True)
    notifying.notify_through("custom-webhook/old")
    notifying.notify_through(block)
    kind, _, name = block.partition("/")
    wanted = client.read_block_document_by_name(name, kind).id
    for automation in notifying.KINDS:
        (one,) = client.read_automations_by_name(automation)
        assert [action.block_document_id for action in one.actions] == [wanted]  # type: ignore[union-attr]


def test_a_block_that_is_not_there_is_named(client: SyncPrefectClient) -> None:
    for name in ("slack-webhook/nowhere", "no-slash"):
        with pytest.raises(SettingsError, match=f"there is no block '{name}'"):
            notifying.notify_through(name)


def test_the_reminders_get_one_schedule_and_keep_what_was_set(client: SyncPrefectClient) -> None:
    """A schedule that a person changed stays; only the block is put in."""
    deployment = client.create_deployment(client.create_flow_from_name("reminders"), "reminders")
    notifying.remind_through("")
    (made,) = client.read_deployment(deployment).schedules
    assert (made.active, getattr(made.schedule, "cron", "")) == (True, notifying.REMINDERS_CRON)
    path = {"id": deployment, "schedule_id": made.id}
    changed = {"active": False, "parameters": {"settings": {"remind_after_hours": 1.0}}}
    client.request("PATCH", "/deployments/{id}/schedules/{schedule_id}", path_params=path, json=changed)
    notifying.remind_through("custom-webhook/team")
    (kept,) = client.read_deployment(deployment).schedules
    settings = kept.parameters["settings"]
    assert (kept.id, kept.active) == (made.id, False)
    assert (settings["notify"], settings["remind_after_hours"]) == ("custom-webhook/team", 1.0)
    client.delete_deployment(deployment)


def test_reminders_that_are_not_deployed_are_said(client: SyncPrefectClient) -> None:
    with pytest.raises(SettingsError, match="lockgate up"):
        notifying.remind_through("")
