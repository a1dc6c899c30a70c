"""The sentinel on a real Prefect server, after a release that went through all its steps in a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.schemas.objects import State

from flows.sentinel import sentinel
from lockgate.sentinel import Watch
from tests.stages import ORDER, Stage, Stages

RELEASED = "lockgate-sample: 1.1.0 agree on main, tags, GitHub releases, index and fixtures"


@pytest.fixture
def released(stages: Stages, prefect_api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The world after the release, and the environment that points there."""
    with stages.copy(ORDER[-1], tmp_path / "stage") as stage:
        for name, value in stage.environ("home-of-the-sentinel").items():
            monkeypatch.setenv(name, value)
        yield stage


def run(stage: Stage, **more: Any) -> State[list[dict[str, str]]]:
    """The end of a run of the sentinel."""
    return sentinel(Watch((stage.sandbox.origin_url,), **more), return_state=True)


def test_after_a_release_everything_is_one_green_line(released: Stage) -> None:
    before = len(released.sandbox.journal)
    state = run(released)
    assert (state.type, state.name, state.message) == ("COMPLETED", "In order", RELEASED)
    assert len(released.sandbox.journal) == before


def test_a_file_that_is_gone_from_the_index_is_a_difference_with_a_proposal(released: Stage, receiver: Any) -> None:
    name = f"watch-{uuid4().hex[:8]}"
    CustomWebhookNotificationBlock(name=name, url=receiver.url, json_data={"body": "{{body}}"}).save(name)
    released.sandbox.delete_file("lockgate-sample", "lockgate_sample-1.1.0.tar.gz")
    state = run(released, notify=f"custom-webhook/{name}")
    assert (state.type, state.name) == ("FAILED", "Differences")
    (row,) = state.result(raise_on_failure=False)
    assert row["version"] == "1.1.0"
    assert row["seen"] == "the index lacks lockgate_sample-1.1.0.tar.gz"
    assert row["repair"] == "a deleted name can never be used again: release another version"
    assert "the index lacks lockgate_sample-1.1.0.tar.gz" in receiver.received[0]["body"]


def test_a_tag_that_was_moved_and_a_version_that_was_taken_back_are_both_said(released: Stage) -> None:
    released.git("tag", "-f", "v1.1.0", "v1.0.0^{commit}")
    released.sandbox.commit_to_main("VERSION", "0.9\n", "Go back")
    rows = run(released).result(raise_on_failure=False)
    seen = " ".join(row["seen"] for row in rows)
    assert "'main' says version 0.9" in seen
    assert "v1.1.0 is at" in seen


def test_an_old_release_that_is_nowhere_is_compared_when_asked_for(released: Stage) -> None:
    (row,) = run(released, since="1.0").result(raise_on_failure=False)
    assert row["seen"] == "origin has v1.0.0, and the index has no 1.0.0"


@pytest.mark.parametrize(
    ("watch", "words"),
    [
        (Watch(()), "There is no repository to watch"),
        (Watch(("/nowhere/at/all",)), "'/nowhere/at/all' is not there"),
        (Watch(("/nowhere",), since="new"), "Invalid version: 'new'"),
    ],
)
def test_what_cannot_be_watched_is_misconfigured(prefect_api: str, watch: Watch, words: str) -> None:
    state = sentinel(watch, return_state=True)
    assert (state.type, state.name) == ("FAILED", "Misconfigured")
    assert words in str(state.message)
