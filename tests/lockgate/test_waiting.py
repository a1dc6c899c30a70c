"""A question as it is stored with its run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lockgate.approvals import Question, fingerprint_of
from lockgate.errors import RefusedError
from lockgate.waiting import Waiting, from_json, to_json

EVIDENCE = {"version": "1.1.0", "commit": "a" * 40, "demo.whl": "b" * 64}
QUESTION = Question("tests", "Complete test suite", "Found.", "the checks.", "Nothing.", EVIDENCE)
ASKED = Waiting(
    "run-1", QUESTION.title, QUESTION.brief, ("approve", "decline"), ("approver", "note", "signature"),
    "tests", QUESTION.starts, QUESTION.fingerprint, EVIDENCE,
)  # fmt: skip


def test_what_is_stored_is_read_back() -> None:
    assert from_json(to_json(ASKED), "run-1") == ASKED
    plain = Waiting("run-1", "a conflict", "# Conflict", ("retry", "abort"), ("version",))
    assert from_json(to_json(plain), "run-1") == plain
    assert (plain.signed, plain.bound_to) == (False, {})


def test_what_an_approval_is_bound_to_is_its_evidence_with_the_fingerprint_last() -> None:
    ASKED.check()
    assert list(ASKED.bound_to) == ["checkpoint", *EVIDENCE, "fingerprint"]


@pytest.mark.parametrize(
    "more",
    [
        {"fingerprint": fingerprint_of("tests", {"version": "6.6.6"})},
        {"evidence": EVIDENCE | {"version": "6.6.6"}},
        {"evidence": EVIDENCE | {"fingerprint": QUESTION.fingerprint}},
        {"checkpoint": "publish"},
    ],
)
def test_a_fingerprint_that_does_not_fit_its_evidence_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="not that of its evidence"):
        replace(ASKED, **more).check()


@pytest.mark.parametrize(
    "more",
    [
        {"title": 7}, {"title": "x" * 10**6}, {"brief": None}, {"brief": "x" * 10**7}, {"decisions": "approve"},
        {"fields": [["note"]]}, {"evidence": ["version"]}, {"evidence": {"version": {"a": "b"}}},
        {"evidence": {str(number): "x" for number in range(1000)}}, {"run_id": "run-2"}, {"more": "x"},
    ],
)  # fmt: skip
def test_another_shape_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="cannot be read"):
        from_json(json.dumps({**json.loads(to_json(ASKED)), **more}), "run-1")


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"tests"', "[" * 100_000, 7, None])
def test_what_is_no_question_is_refused(text: object) -> None:
    with pytest.raises(RefusedError, match="retry the run"):
        from_json(text, "run-1")
