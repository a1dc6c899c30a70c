"""Step 1's rules for the given checkout, and what commits on top of the release commit mean."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lockgate.checkouts import check_checkout, check_moved_main, check_refs, release_message
from lockgate.repository import Checkout, Commit

CLEAN = Checkout("/src", "main", "a" * 40)
TAGGED = replace(CLEAN, tags={"v1": "a" * 40})
THEIRS = Commit("b" * 40, "Work", "Work\n\nBody", 0, ("VERSION", "code.py"))
OURS = Commit("c" * 40, "Release", release_message("Release sample 1.0", "sample", "1.0"), 0, ("VERSION",))


@pytest.mark.parametrize(
    ("checkout", "ahead", "words"),
    [
        (Checkout("/src", None, "a" * 40), (), r"on no branch \(detached HEAD\).*Next: git switch main"),
        (Checkout("/src", "topic", "a" * 40), (), "on branch 'topic'.*Expected: the branch 'main'"),
        (Checkout("/src", "main", "a" * 40, operation="rebase"), (), "a rebase is in progress"),
        (Checkout("/src", "main", "a" * 40, dirty=("x.py",)), (), "1 changed or untracked files in /src: x.py"),
        (Checkout("/src", "main", "a" * 40, dirty=tuple(map(str, range(12)))), (), "12 changed .* and 2 more"),
        (CLEAN, (THEIRS,), r"1 local commits that origin does not have: bbbbbbbbb Work.*git push origin main"),
    ],
)
def test_what_is_not_as_origin_has_it_refuses(checkout: Checkout, ahead: tuple[Commit, ...], words: str) -> None:
    problems = check_checkout(checkout, "main", ("VERSION",), ahead)
    assert len(problems) == 1
    assert re.search(words, str(problems[0]))


def test_release_files_are_no_problem() -> None:
    edited = Checkout("/src", "main", "a" * 40, dirty=("VERSION",))
    assert check_checkout(edited, "main", ("VERSION",), ()) == ()


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (TAGGED, ""),
        (replace(TAGGED, dirty=("VERSION",)), ""),
        (replace(TAGGED, head="b" * 40), "moved HEAD from aaaaaaaaaaaa to bbbbbbbbbbbb"),
        (replace(TAGGED, branch="next"), "went to branch 'next'"),
        (replace(TAGGED, branch=None), "went to no branch"),
        (replace(TAGGED, tags={"v1": "a" * 40, "v2": "a" * 40}), "made or moved the tag 'v2'"),
        (replace(TAGGED, tags={"v1": "b" * 40}), "made or moved the tag 'v1'"),
        (replace(TAGGED, tags={}), "deleted the tag 'v1'"),
        (replace(TAGGED, operation="merge"), "left a merge in progress"),
    ],
)
def test_commands_may_edit_files_and_nothing_else(after: Checkout, words: str) -> None:
    problems = check_refs(TAGGED, after)
    assert words in "".join(problem.seen for problem in problems)
    assert bool(problems) is bool(words)


@pytest.mark.parametrize(
    ("since", "touching"), [((), 0), ((THEIRS,), 1), ((Commit("d" * 40, "Docs", "Docs", 0, ("README.md",)),), 0)]
)
def test_only_commits_that_touch_what_the_release_wrote_stop_it(since: tuple[Commit, ...], touching: int) -> None:
    problems = check_moved_main(since, ("VERSION", "releases/1.0.json", ""))
    assert len(problems) == touching
    assert all("changed VERSION after the release commit" in problem.seen for problem in problems)
