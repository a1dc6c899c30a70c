from __future__ import annotations

import pytest

from lockgate.claims import BusyError, Claim, Holder, decide_turn, from_json, judge_holder, to_json

ADA = Claim(
    "0a1b2c3d-run-of-ada", "demo 1.0", "2026-11-22T09:00:00Z", "harbour", "/home/ada", "http://one/api", suspends=True
)


@pytest.mark.parametrize(
    ("state", "process", "suspends", "holder"),
    [
        ("RUNNING", True, True, "working"),
        ("RUNNING", None, True, "working"),
        ("RUNNING", False, True, "gone"),
        ("CANCELLING", False, True, "gone"),
        ("PAUSED", False, True, "waiting"),
        ("PAUSED", None, True, "waiting"),
        ("PAUSED", False, False, "gone"),
        ("PAUSED", None, False, "waiting"),
        ("PAUSED", True, False, "working"),
        ("SCHEDULED", False, True, "waiting"),
        ("PENDING", False, True, "waiting"),
        ("COMPLETED", False, True, "over"),
        ("FAILED", None, True, "over"),
        ("CRASHED", None, False, "over"),
        ("CANCELLED", False, True, "over"),
        ("CANCELLED", True, True, "working"),
        ("", False, True, "gone"),
        ("", None, True, "gone"),
        (None, False, True, "unknown"),
        (None, False, False, "gone"),
        (None, None, False, "unknown"),
        (None, True, True, "working"),
    ],
)
def test_a_holder_is_judged_by_state_and_process(
    state: str | None, process: bool | None, suspends: bool, holder: Holder
) -> None:
    assert judge_holder(state, process, suspends=suspends) == holder


def test_a_free_turn_is_taken() -> None:
    assert decide_turn(None, "me", "unknown") == "act"


def test_a_run_keeps_its_own_turn() -> None:
    assert decide_turn(ADA, ADA.run, "unknown") == "done"


@pytest.mark.parametrize("holder", ["over", "gone"])
def test_a_turn_whose_run_is_no_more_is_taken_over(holder: Holder) -> None:
    assert decide_turn(ADA, "me", holder) == "act"


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        ("waiting", "waits: for a person, or to be started"),
        ("working", "is at work on harbour"),
        ("unknown", "its Prefect server (http://one/api) does not answer"),
    ],
)
def test_another_runs_turn_is_refused_and_the_run_named(holder: Holder, words: str) -> None:
    with pytest.raises(BusyError) as caught:
        decide_turn(ADA, "me", holder)
    assert words in str(caught.value)
    assert "demo 1.0 (run 0a1b2c3d-run-of-ada)" in str(caught.value)


def test_a_claim_survives_its_text() -> None:
    assert from_json(to_json(ADA)) == ADA


def test_a_claim_of_another_lockgate_is_understood() -> None:
    text = to_json(ADA).replace('"run"', '"colour": "green",\n  "run"').replace(',\n  "suspends": true', "")
    assert from_json(text) == ADA


@pytest.mark.parametrize("text", [None, "", "{}", "{", "[1]", '{"run": "only"}'])
def test_what_is_no_claim_protects_nobody(text: str | None) -> None:
    assert from_json(text) is None
