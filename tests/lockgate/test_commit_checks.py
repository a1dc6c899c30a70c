"""Whether GitHub's checks of a commit are evidence that its tests passed."""

from __future__ import annotations

import pytest

from lockgate.commit_checks import CommitCheck, CommitChecks, judge_checks

COMMIT = "a" * 40


def checks(*pairs: tuple[str, str]) -> CommitChecks:
    return CommitChecks(tuple(CommitCheck(name, outcome, f"https://example.invalid/{name}") for name, outcome in pairs))


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ((("tests", "success"),), "success"),
        ((("tests", "success"), ("lint", "failure")), "success"),
        ((("tests", "success"), ("tests", "success")), "success"),
        ((), "pending"),
        ((("lint", "success"),), "pending"),
        ((("Tests", "success"),), "pending"),
        ((("tests", ""),), "pending"),
        ((("tests", "success"), ("tests", "")), "pending"),
        ((("tests", "failure"),), "failure"),
        ((("tests", "skipped"),), "failure"),
        ((("tests", "cancelled"),), "failure"),
        ((("tests", "neutral"),), "failure"),
        ((("tests", "success"), ("tests", "failure")), "failure"),
        ((("tests", ""), ("tests", "error")), "failure"),
    ],
)
def test_every_check_of_the_name_must_have_succeeded(found: tuple[tuple[str, str], ...], state: str) -> None:
    assert judge_checks(["tests"], checks(*found), COMMIT).state == state


def test_all_wanted_checks_count() -> None:
    standing = judge_checks(["tests", "docs"], checks(("tests", "success")), COMMIT)
    assert (standing.state, standing.text) == ("pending", "waiting for docs")
    assert judge_checks(["tests", "docs"], checks(("tests", "success"), ("docs", "success")), COMMIT).source == (
        "tests: https://example.invalid/tests, docs: https://example.invalid/docs"
    )


def test_a_failure_names_check_commit_and_page() -> None:
    (problem,) = judge_checks(["tests"], checks(("tests", "timed_out")), COMMIT).problems
    assert problem.seen == (
        "the check 'tests' of the release commit aaaaaaaaaaaa ended with timed_out: https://example.invalid/tests"
    )


def test_a_missing_check_is_told_with_those_that_are_there_and_those_that_could_not_be_read() -> None:
    seen = CommitChecks(checks(("ci / tests", "success")).found, ("commit statuses",))
    (problem,) = judge_checks(["tests"], seen, COMMIT).problems
    assert "(checks there: ci / tests; the token may not read commit statuses)" in problem.seen
    assert "names are as GitHub shows them" in problem.next
