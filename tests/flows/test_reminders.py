"""Reminders on a real Prefect server, with runs that are suspended there and no process behind them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.input.run_input import keyset_from_base_key
from prefect.states import Cancelled, Suspended

from flows.questions import store_question
from flows.reminders import reminders
from flows.waiting_runs import APPROVERS, GAVE_UP
from lockgate.approvals import Question
from lockgate.artifacts import Artifact
from lockgate.fixture import Fixture, to_json
from lockgate.reminders import Reminders
from lockgate.waiting import Waiting
from planning.release import store_of
from sandbox.world import Sandbox

DEADLINE_SECONDS = 30.0
QUESTION = Question(
    "tests", "Complete test suite with --all flag", "Ran?", "the checks of the publisher.", "Nothing.", {}
)


@pytest.fixture
def client(prefect_api: str) -> Iterator[SyncPrefectClient]:
    """The server's client; no release waits there before and after."""
    with get_client(sync_client=True) as found:
        _end_all(found)
        yield found
        _end_all(found)


def _end_all(client: SyncPrefectClient) -> None:
    for run in client.read_flow_runs(limit=200):
        if run.state is not None and (run.state.is_paused() or run.state.message in GAVE_UP):
            client.set_flow_run_state(run.id, Cancelled(), force=True)


@pytest.fixture
def block(prefect_api: str, receiver: Any) -> str:
    """A notification block that posts to the receiver."""
    name = f"team-{uuid4().hex[:8]}"
    body = {"subject": "{{subject}}", "body": "{{body}}"}
    CustomWebhookNotificationBlock(name=name, url=receiver.url, json_data=body).save(name)
    return f"custom-webhook/{name}"


def suspend(client: SyncPrefectClient, name: str = "demo 1.1.0", timeout_seconds: int | None = None) -> FlowRun:
    """A release that is suspended at the tests' checkpoint, as a worker leaves it."""
    flow_id = client.create_flow_from_name("release")
    made = client.request("POST", "/flow_runs/", json={"flow_id": str(flow_id), "name": name}).json()
    keys = keyset_from_base_key("suspended-tests-0")
    run = client.read_flow_run(made["id"])
    client.create_flow_run_input(run.id, keys["schema"], "{}")
    asks = Waiting(str(run.id), QUESTION.title, QUESTION.brief, ("approve", "decline"), (), starts=QUESTION.starts)
    store_question(client, "suspended-tests-0", asks)
    client.update_flow_run_labels(run.id, {APPROVERS: "ada, bob"})
    state = Suspended(timeout_seconds=timeout_seconds, pause_key="tests-0")
    state.state_details.run_input_keyset = keys
    client.set_flow_run_state(run.id, state, force=True)
    return client.read_flow_run(run.id)


def run(**settings: Any) -> State[list[dict[str, str]]]:
    """The end of a run of the reminders."""
    return reminders(Reminders(**settings), return_state=True)


def test_nothing_waits_is_one_green_state(client: SyncPrefectClient) -> None:
    state = run()
    assert (state.type, state.name, state.message) == ("COMPLETED", "Nothing waits", "Nobody is waited for")


def test_what_waits_is_listed_with_since_whom_and_what_next(
    client: SyncPrefectClient, block: str, receiver: Any
) -> None:
    suspend(client)
    state = run(notify=block)
    assert (state.type, state.name) == ("COMPLETED", "Waiting")
    (row,) = state.result()
    assert (row["release"], row["waits for"]) == ("demo 1.1.0", QUESTION.title)
    assert (row["of whom"], row["what happens next"], row["now"]) == ("ada, bob", "the checks of the publisher.", "")
    assert "/runs/flow-run/" in row["page"]
    assert not receiver.received


def test_a_reminder_goes_through_the_block(client: SyncPrefectClient, block: str, receiver: Any) -> None:
    waiting = suspend(client)
    assert run(notify=block, remind_after_hours=0).name == "Reminded"
    (message,) = receiver.received
    assert message["subject"] == "Lockgate: waits for you (1)"
    assert "demo 1.1.0 has waited 0 minutes for ada, bob: Complete test suite" in message["body"]
    assert str(waiting.id) in message["body"]


def test_nobody_is_reminded_without_a_block(client: SyncPrefectClient) -> None:
    suspend(client)
    for hours in ({"remind_after_hours": 0.0}, {"escalate_after_hours": 0.0}):
        state = run(**hours)
        assert (state.type, state.name) == ("COMPLETED", "Waiting")
        assert [row["now"] for row in state.result()] == ["nobody was told"]


def test_a_block_that_only_logs_its_failure_has_reminded_nobody(client: SyncPrefectClient) -> None:
    """The blocks for chats and mail say nothing of a message that was not taken, unless they are asked to."""
    from prefect.blocks.notifications import SlackWebhook

    SlackWebhook(url="https://127.0.0.1:9/services/T/B/X", allow_private_urls=True).save("deaf", overwrite=True)
    suspend(client)
    state = run(notify="slack-webhook/deaf", remind_after_hours=0)
    assert (state.type, state.name) == ("FAILED", "Not reminded")
    assert [row["now"] for row in state.result(raise_on_failure=False)] == ["nobody was told"]


def test_what_waits_too_long_is_escalated_elsewhere(client: SyncPrefectClient, block: str, receiver: Any) -> None:
    suspend(client)
    assert run(escalate=block, escalate_after_hours=0).name == "Reminded"
    assert [one["subject"] for one in receiver.received] == ["Lockgate: has waited too long (1)"]


def test_a_checkpoint_expires_into_a_clean_stop(client: SyncPrefectClient, block: str, receiver: Any) -> None:
    waiting = suspend(client)
    assert run(notify=block, expire_after_hours=1e-9).name == "Reminded"
    state = client.read_flow_run(waiting.id).state
    assert state is not None
    assert (state.type, state.name) == ("FAILED", "Expired")
    assert f"nobody answered '{QUESTION.title}'" in str(state.message)
    assert "start the release again" in str(state.message)
    assert receiver.received[0]["subject"] == "Lockgate: nobody answered (1)"
    assert run().name == "Nothing waits"


def test_what_prefect_ended_at_the_deadline_gets_a_name_that_says_so(client: SyncPrefectClient) -> None:
    """Prefect ends a suspended run whose time is over as Failed, without a word of who was waited for."""
    waiting = suspend(client, timeout_seconds=1)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (state := client.read_flow_run(waiting.id).state) or not state.is_failed():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert state.name == "Failed"
    run()
    named = client.read_flow_run(waiting.id).state
    assert named is not None
    assert named.name == "Expired"
    assert f"nobody answered '{QUESTION.title}'" in str(named.message)


@pytest.mark.slow
def test_a_message_that_does_not_go_out_is_no_green_state(client: SyncPrefectClient, block: str, receiver: Any) -> None:
    """And the address of the service, a secret, is in nothing that is kept."""
    suspend(client)
    receiver.down = True
    state = run(notify=block, remind_after_hours=0)
    assert (state.type, state.name) == ("FAILED", "Not reminded")
    assert f"the block '{block}' did not take the message" in str(state.message)
    assert receiver.url not in str(state.message)


@pytest.mark.parametrize(
    ("name", "words"), [("slack-webhook/nowhere", "is not there"), ("secret/token", "cannot notify")]
)
def test_a_block_that_cannot_notify_is_named(client: SyncPrefectClient, name: str, words: str) -> None:
    from prefect.blocks.system import Secret

    Secret(value="x").save("token", overwrite=True)
    suspend(client)
    state = run(notify=name, remind_after_hours=0)
    assert state.name == "Not reminded"
    assert f"the block {name!r} {words}" in str(state.message)


def test_a_half_upload_shows_its_fourteen_days(
    client: SyncPrefectClient, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKGATE_STORE", str(tmp_path / "store"))
    wheel = write_wheel(tmp_path)
    sandbox.publish_file("half", wheel)
    built = (Artifact(wheel.name, "0" * 64, 1, "wheel"), Artifact("half-1.0.tar.gz", "0" * 64, 1, "sdist"))
    fixture = Fixture("half", "1.0", "example/half", "main", "v1.0", "lockgate", artifacts=built, tag_pushed=True)
    store_of(os.environ).write_record("releases/example/half/1.0.json", to_json(fixture))
    state = run()
    assert state.name == "Waiting"
    assert "half 1.0 is half on the index: half-1.0.tar.gz is missing. The index takes it for 14.0" in str(
        state.message
    )


def write_wheel(folder: Path) -> Path:
    """A wheel with nothing in it but what an index wants to see."""
    import zipfile

    path = folder / "half-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("half-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: half\nVersion: 1.0\n")
        archive.writestr("half-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("half-1.0.dist-info/RECORD", "")
    return path
