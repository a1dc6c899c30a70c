"""Approvals are bound to their evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.approvals import Approval, Question, accept, outdated_approval
from lockgate.errors import DeclinedError, EvidenceChangedError

QUESTION = Question(
    "tests", "Complete the tests", "Have they run?", "the build", "nothing", {"commit": "a", "version": "1"}
)
OTHER = replace(QUESTION, evidence={"commit": "b", "version": "1"})


def answer(question: Question = QUESTION, decision: str = "approve", approver: str = "Ann") -> Approval:
    return Approval("tests", decision, approver, "as said", "2026-11-22T20:00:00Z", question.fingerprint, "form")  # type: ignore[arg-type]


def test_fingerprint_is_of_the_evidence_in_any_order() -> None:
    turned = replace(QUESTION, evidence={"version": "1", "commit": "a"}, found="other words")
    assert turned.fingerprint == QUESTION.fingerprint != OTHER.fingerprint
    assert replace(QUESTION, checkpoint="publish").fingerprint != QUESTION.fingerprint


def test_brief_says_what_it_starts_and_what_cannot_be_undone() -> None:
    for words in ("Have they run?", "the build", "nothing", "| commit | `a` |"):
        assert words in QUESTION.brief


def test_digests_are_shown_whole_in_two_halves() -> None:
    shown = replace(QUESTION, evidence={"a.whl": "0123456789abcdef" * 4}).brief
    assert "| a.whl | `0123456789abcdef0123456789abcdef` `0123456789abcdef0123456789abcdef` |" in shown


def test_approval_of_other_evidence_is_void() -> None:
    assert outdated_approval(QUESTION, [answer(OTHER)]) == answer(OTHER)
    assert outdated_approval(QUESTION, [answer()]) is None


def test_yes_of_somebody_who_may_is_accepted() -> None:
    assert accept(answer(), QUESTION, ()) == answer()
    assert accept(answer(approver=" ann "), QUESTION, ("Ann", "Bob")).approver == " ann "


@pytest.mark.parametrize(
    ("given", "allowed", "error", "words"),
    [
        (
            answer(decision="decline"),
            (),
            DeclinedError,
            r"Ann declined 'Complete the tests' \(as said\).*start the release again",
        ),
        (
            answer(approver="Eve"),
            ("Ann",),
            DeclinedError,
            r"given by 'Eve'.*an approver of the project's settings: Ann",
        ),
        (answer(approver=""), ("Ann",), DeclinedError, r"nobody by name"),
        (answer(OTHER), (), EvidenceChangedError, r"was approved for fingerprint .*read the new brief"),
    ],
)
def test_everything_else_is_an_error_of_its_own(
    given: Approval, allowed: tuple[str, ...], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        accept(given, QUESTION, allowed)
