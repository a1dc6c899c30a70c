"""The way back's rules: what is listed of what was left, which commits are Lockgate's, what is recorded and refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.artifacts import Artifact
from lockgate.checkouts import release_message
from lockgate.fixture import Abort, Fixture, StepTime
from lockgate.github import GithubRelease, Run
from lockgate.repository import Commit
from lockgate.undo import (
    Traces,
    check_burnt,
    check_taken_back,
    gave_up,
    items_of,
    own_commits,
    remember,
    revert_lines,
    stays,
    taken_back,
)

A, B, C = "a" * 40, "b" * 40, "c" * 40
TIME = "2026-01-02T03:04:05Z"
NOTHING = Traces("sample 1.1.0", "1.1.0", "v1.1.0", "main", "1.1.1")
FIXTURE = Fixture("sample", "1.1.0", "example/sample", "main", "v1.1.0", "lockgate 0.1.0", release_commit=A)
DRAFT = GithubRelease(
    id=7,
    tag_name="v1.1.0",
    target_commitish=A,
    draft=True,
    prerelease=False,
    html_url="https://example.invalid/7",
    upload_url="",
)
RUN = Run(
    id=9,
    name=None,
    path=".github/workflows/publish.yml",
    event="push",
    status="in_progress",
    conclusion=None,
    head_branch="v1.1.0",
    head_sha=A,
    html_url="https://example.invalid/9",
    run_number=1,
)
LINE = "Lockgate-Release: sample 1.1.0"


def commit(sha: str, message: str, *paths: str, parents: tuple[str, ...] = (C,)) -> Commit:
    return Commit(sha, message.partition("\n")[0], message, 0, paths, parents)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (NOTHING, []),
        (replace(NOTHING, local=(A,)), [("local", "undone", False)]),
        (replace(NOTHING, kept_tag=True), [("tag", "undone", False)]),
        (replace(NOTHING, drafts=(DRAFT,)), [("draft 7", "undone", False)]),
        (replace(NOTHING, commits=(B, A), record_is_out=True), [("commits", "compensated", True)]),
        (
            replace(NOTHING, commits=(A,), tagged=A, run=RUN, drafts=(DRAFT,), record_is_out=True),
            [
                ("run", "undone", False), ("draft 7", "undone", False), ("record", "compensated", True),
                ("next", "compensated", False), ("tagged", "burnt", False),
            ],
        ),
        (
            replace(NOTHING, commits=(A,), tagged=A, drafts=(DRAFT,), on_index=("x.whl",), record_is_out=True),
            [("yank", "compensated", False), ("next", "compensated", False), ("tagged", "burnt", False), ("files", "burnt", False)],
        ),
    ],
    ids=["nothing", "local commits", "local tag", "draft", "pushed", "tagged", "published"],
)  # fmt: skip
def test_each_thing_that_was_left_is_listed_with_its_kind(seen: Traces, expected: list[tuple[str, str, bool]]) -> None:
    assert [(one.key, one.kind, one.irreversible) for one in items_of(seen)] == expected


def test_the_point_of_no_return_is_not_the_note_that_was_made_before_the_push() -> None:
    assert not replace(NOTHING, fixture=replace(FIXTURE, tag_pushed=True)).is_out
    finished = replace(FIXTURE, steps=(StepTime("export", TIME, TIME),))
    assert replace(NOTHING, fixture=finished).is_out
    assert replace(NOTHING, run=RUN).is_out


@pytest.mark.parametrize(
    ("one", "is_ours"),
    [
        (commit(A, f"Release\n\n{LINE}", "VERSION", "releases/1.1.0.json"), True),
        (commit(A, f"Release\n\n{LINE}rc1", "VERSION"), False),
        (commit(A, f"Release\n\n  {LINE}", "VERSION"), False),
        (commit(A, f"Innocent\n\n{LINE}", "VERSION", "src/x.py"), False),
        (commit(A, f"Merge\n\n{LINE}", "VERSION", parents=(B, C)), False),
        (commit(A, f"Give up\n\nThis reverts commit {B}.\n\n{LINE}", "VERSION"), False),
    ],
    ids=["ours", "another version", "indented", "other files", "a merge", "a revert"],
)
def test_only_commits_with_the_line_and_release_files_are_ours(one: Commit, is_ours: bool) -> None:
    assert bool(own_commits([one], "sample", "1.1.0", ["VERSION", "releases/*.json"])) == is_ours


def test_what_a_commit_says_that_it_reverts_is_taken_back_our_own_words_too() -> None:
    by_hand = commit(C, f'Revert "Release"\n\nThis reverts commit {A}.', "VERSION")
    ours = commit(C, release_message("Give it up", "sample", "1.1.0", revert_lines([B, A])), "VERSION")
    assert taken_back([by_hand]) == {A}
    assert taken_back([ours]) == {A, B}
    assert taken_back([commit(C, f"Mention that it reverts commit {A}")]) == set()
    (problem,) = check_taken_back(A, [by_hand], "1.1.0")
    assert "lockgate release 1.1.0 --restart" in problem.next
    assert check_taken_back(B, [by_hand], "1.1.0") == ()


def test_a_burnt_version_is_refused_unless_all_of_it_is_on_the_index() -> None:
    burnt = replace(FIXTURE, abort=Abort(TIME, "Ada", burnt=("tag v1.1.0 is on origin",)))
    (problem,) = check_burnt(burnt, {})
    assert problem.seen == f"1.1.0 was given up by Ada at {TIME} and is burnt: tag v1.1.0 is on origin"
    built = replace(
        burnt, artifacts=(Artifact("x.whl", C + "d" * 24, 1, "wheel"), Artifact("x.tar.gz", C + "d" * 24, 1, "sdist"))
    )
    assert check_burnt(built, {"x.whl": ""})
    assert not check_burnt(built, {"x.whl": "", "x.tar.gz": ""})
    assert not check_burnt(replace(FIXTURE, abort=Abort(TIME, "Ada")), {})
    assert not check_burnt(None, {})


def test_what_is_recorded_grows_and_the_first_word_stays() -> None:
    seen = replace(NOTHING, fixture=FIXTURE, drafts=(DRAFT,))
    done = [replace(one, state="done") for one in items_of(seen)]
    first = remember(seen, done, "Ada", "rounds\n  wrongly", TIME)
    assert (first.by, first.note, len(first.undone), first.burnt) == ("Ada", "rounds wrongly", 1, ())
    again = replace(NOTHING, fixture=replace(FIXTURE, abort=first), commits=(A,))
    second = remember(again, [replace(one, state="done") for one in items_of(again)], "Bob", "", "later")
    assert (second.by, second.time, len(second.undone), len(second.compensated)) == ("Ada", TIME, 1, 1)


def test_a_stopped_release_that_left_nothing_says_nothing_more() -> None:
    assert stays(NOTHING, "go", "undo") is None
    problem = stays(replace(NOTHING, commits=(B, A)), "go", "undo")
    assert problem is not None
    assert problem.seen == f"sample 1.1.0 left behind: 2 commits on origin's 'main' ({B[:12]}, {A[:12]})"
    assert "`go`" in problem.next
    assert "`undo`" in problem.next


def test_the_end_says_what_is_left_and_what_comes_next() -> None:
    seen = replace(NOTHING, commits=(A,))
    left = gave_up(seen, [replace(one, state="left") for one in items_of(seen)], "Ada", "go", "undo")
    assert left.next == "take back the rest: `undo`; begin it anew when it is right: `go`"
    out = gave_up(replace(seen, tagged=A), (), "", "go", "undo")
    assert (out.seen.startswith("somebody gave"), out.next) == (True, "take 1.1.1 next")
