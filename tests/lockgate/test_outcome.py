"""Exit codes and reports."""

from __future__ import annotations

import pickle

import pytest

from lockgate.errors import (
    CheckpointError,
    DeclinedError,
    ExpiredError,
    LockgateError,
    NotVisibleError,
    Problem,
    RateLimitedError,
    RefusedError,
    SettingsError,
    TransientError,
    UnavailableError,
)
from lockgate.outcome import ExitCode, Refusal, brief, exit_code, refusals_of, word_for
from lockgate.plan import PlanRefusedError
from lockgate.runs import RunFailedError

PROBLEM = Problem("this", "that", "do it")


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [
        (None, ExitCode.RELEASED, ExitCode.RELEASED),
        (RefusedError(PROBLEM), ExitCode.REFUSED, ExitCode.STOPPED_AFTER_TAG),
        (DeclinedError(PROBLEM), ExitCode.REFUSED, ExitCode.STOPPED_AFTER_TAG),
        (SettingsError(PROBLEM), ExitCode.SETTINGS, ExitCode.STOPPED_AFTER_TAG),
        (UnavailableError(PROBLEM), ExitCode.UNAVAILABLE, ExitCode.STOPPED_AFTER_TAG),
        (NotVisibleError(PROBLEM), ExitCode.UNAVAILABLE, ExitCode.STOPPED_AFTER_TAG),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, ExitCode.INTERRUPTED),
    ],
)
def test_exit_code_says_how_far_it_came(error: BaseException | None, before: ExitCode, after: ExitCode) -> None:
    assert exit_code(error, tag_is_out=False) == before
    assert exit_code(error, tag_is_out=True) == after


@pytest.mark.parametrize(
    ("error", "word"),
    [(UnavailableError(PROBLEM), "unavailable"), (RefusedError(PROBLEM), "refused"), (ValueError("x"), "stopped")],
)
def test_word_of_a_step_that_ended(error: Exception, word: str) -> None:
    assert word_for(error) == word


def test_refusals_carry_the_number_of_their_step() -> None:
    assert refusals_of(RefusedError(PROBLEM), "export") == (Refusal(8, "this", "that", "do it"),)
    plan = PlanRefusedError((("version", PROBLEM), ("publisher", PROBLEM)))
    assert [one.step for one in refusals_of(plan, "start")] == [1, 6]
    assert refusals_of(ValueError("x"), "export") == ()


def test_brief_is_what_was_seen_first() -> None:
    assert brief(RefusedError(PROBLEM, PROBLEM)) == "this (and 1 more)"
    assert brief(ValueError("words\nmore")) == "words"


@pytest.mark.parametrize(
    "error",
    [
        RefusedError(PROBLEM, PROBLEM),
        RateLimitedError(PROBLEM, wait_seconds=7.0),
        ExpiredError(PROBLEM),
        PlanRefusedError((("version", PROBLEM),)),
        RunFailedError(PROBLEM, run=1, attempt=2, failed=("publish",)),
    ],
)
def test_errors_survive_the_way_to_another_process(error: LockgateError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_only_the_transient_branch_is_retried() -> None:
    retried = {kind.__name__ for kind in TransientError.__subclasses__()}
    assert retried == {"UnavailableError", "RateLimitedError", "NotVisibleError"}
    assert not issubclass(CheckpointError, TransientError)


def test_message_reads_as_three_sentences() -> None:
    assert str(PROBLEM) == "this. Expected: that. Next: do it."
