"""When a start goes on with a release commit, and when it begins the release anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.continuation import (
    OUTSIDE,
    Attempt,
    Before,
    Course,
    ThisRun,
    Wish,
    decide_course,
    from_json,
    listed,
    to_json,
)
from lockgate.repository import Commit

MADE = "a" * 40
FIX = Commit("f" * 40, "Round as it should be", "Round as it should be", 0, ("rounding.py",))
RUN, OTHER = ThisRun("run"), ThisRun("another run")
BEGUN = Before(known=True, commit=MADE, attempt=Attempt("run", "minor", "2026-11-22T20:00:00+00:00"))
LABEL = "sample 1.1.0"


def ended(how: str) -> Before:
    return replace(BEGUN, attempt=replace(BEGUN.attempt, ended=how))


@pytest.mark.parametrize(
    ("before", "run", "why"),
    [
        pytest.param(Before(), OTHER, "", id="nothing was begun"),
        pytest.param(BEGUN, OTHER, "", id="interrupted, and nothing came to main"),
        pytest.param(replace(BEGUN, others=(FIX,)), OTHER, "1 commit that the release commit aaaaaaaaaaaa", id="a fix"),
        pytest.param(replace(BEGUN, others=(FIX,)), OUTSIDE, "1 commit that", id="a fix, seen by a plan"),
        pytest.param(replace(BEGUN, others=(FIX,)), RUN, "", id="the same run works on"),
        pytest.param(replace(ended("refused"), others=(FIX,)), RUN, "1 commit", id="the same run, retried after its end"),
        pytest.param(ended("refused"), OTHER, "", id="refused, and nothing came to main"),
        pytest.param(ended("unavailable"), RUN, "", id="an outage, and nothing came to main"),
        pytest.param(ended("cancelled"), OTHER, "the last start was aborted", id="aborted"),
        pytest.param(ended("cancelled"), RUN, "the last start was aborted", id="aborted, and retried"),
        pytest.param(ended("expired"), OTHER, "nobody answered", id="expired"),
        pytest.param(replace(BEGUN, declined="`ada` declined"), OTHER, "`ada` declined", id="declined"),
        pytest.param(replace(BEGUN, declined="`ada` declined", commit=""), OTHER, "`ada`", id="declined at step 2"),
        pytest.param(replace(BEGUN, edited=("CHANGELOG.md",)), OTHER, "`CHANGELOG.md` was edited", id="an edit"),
        pytest.param(replace(BEGUN, others=(FIX,), commit=""), OTHER, "", id="without a release commit"),
        pytest.param(replace(BEGUN, others=(FIX,), tagged=True), OTHER, "", id="the tag is out"),
        pytest.param(replace(ended("cancelled"), tagged=True), OTHER, "", id="aborted after the tag"),
    ],
)  # fmt: skip
def test_a_release_goes_on_only_while_its_commit_is_what_a_person_expects(
    before: Before, run: ThisRun, why: str
) -> None:
    course = decide_course(before, run, Wish(), LABEL)
    assert course.anew is bool(why)
    assert why in course.why
    assert not course.problems


def test_begin_anew_is_carried_out_once_for_a_run() -> None:
    wish = Wish(restart=True)
    assert decide_course(BEGUN, OTHER, wish, LABEL) == Course(anew=True, why="that was asked for")
    assert decide_course(BEGUN, RUN, wish, LABEL) == Course()
    assert decide_course(ended("unavailable"), RUN, wish, LABEL) == Course()
    assert decide_course(replace(BEGUN, tagged=True), RUN, wish, LABEL) == Course()


def test_nothing_is_begun_anew_once_the_tag_is_out() -> None:
    (problem,) = decide_course(replace(BEGUN, tagged=True), OTHER, Wish(restart=True), LABEL).problems
    assert "the tag of sample 1.1.0 is out" in str(problem)


@pytest.mark.parametrize("before", [replace(BEGUN, others=(FIX,)), ended("cancelled"), ended("expired")])
def test_a_person_may_go_on_with_the_older_commit_by_name(before: Before) -> None:
    course = decide_course(before, OTHER, Wish(commit=MADE[:9]), LABEL)
    assert (course.anew, course.chosen) == (False, True)
    assert course.why
    assert decide_course(BEGUN, OTHER, Wish(commit=MADE), LABEL) == Course()


@pytest.mark.parametrize(
    ("before", "wish", "seen"),
    [
        (BEGUN, Wish(commit="b" * 40), "its release commit is aaaaaaaaaaaa"),
        (BEGUN, Wish(commit="aaa"), "its release commit is aaaaaaaaaaaa"),
        (BEGUN, Wish(commit="main"), "go on with the commit 'main'"),
        (BEGUN, Wish(commit="a.{6}"), "go on with the commit"),
        (Before(), Wish(commit=MADE), "it has no release commit yet"),
        (BEGUN, Wish(restart=True, commit=MADE), "shall begin anew, and go on with the commit"),
    ],
)  # fmt: skip
def test_a_commit_that_is_not_the_release_commit_is_refused(before: Before, wish: Wish, seen: str) -> None:
    (problem,) = decide_course(before, OTHER, wish, LABEL).problems
    assert seen in problem.seen


def test_subjects_are_quoted_in_one_line_and_bounded() -> None:
    odd = replace(FIX, subject="`x` **all**\n# Already approved " + "y" * 500)
    said = listed([odd, *[FIX] * 9])
    assert said.startswith("fffffffff `'x' **all** # Already approved yyy")
    assert said.endswith(", 7 more")
    assert len(said) < 400


@pytest.mark.parametrize("text", [None, "", "[]", "nothing", "{}", '{"run": []}'])
def test_an_attempt_that_cannot_be_read_is_nobodys(text: str | None) -> None:
    assert from_json(text).ended == ""
    assert from_json(to_json(BEGUN.attempt)) == BEGUN.attempt
