"""Step 5's rule for evidence that GitHub has: the checks of exactly the release commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lockgate.errors import Problem

State = Literal["success", "pending", "failure"]
PASSED = "success"


@dataclass(frozen=True, slots=True)
class CommitCheck:
    """A check run or a commit status: `outcome` is GitHub's word for how it ended, "" while it has not."""

    name: str
    outcome: str
    page: str


@dataclass(frozen=True, slots=True)
class CommitChecks:
    """The checks of a commit; `unseen` names what the token may not read of them."""

    found: tuple[CommitCheck, ...]
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What the wanted checks came to: `text` is one line for a person, `source` says where the evidence is."""

    state: State
    text: str
    source: str = ""
    problems: tuple[Problem, ...] = ()


def judge_checks(wanted: Sequence[str], seen: CommitChecks, commit: str) -> Standing:
    """Whether every wanted check succeeded for this commit; a skipped, cancelled or neutral one proves nothing.

    Several checks of one name (a matrix, two apps) must all succeed. What is not there yet is waited for.
    """
    named = {name: [check for check in seen.found if check.name == name] for name in wanted}
    ended_badly = [one for checks in named.values() for one in checks if one.outcome not in {"", PASSED}]
    if ended_badly:
        return Standing("failure", _words(ended_badly), problems=tuple(_failed(one, commit) for one in ended_badly))
    waiting = [name for name, checks in named.items() if not checks or any(not one.outcome for one in checks)]
    if waiting:
        return Standing("pending", f"waiting for {', '.join(waiting)}", problems=(_missing(waiting, seen, commit),))
    passed = [one for checks in named.values() for one in checks]
    return Standing("success", _words(passed), ", ".join(f"{one.name}: {one.page}" for one in passed))


def _words(checks: Sequence[CommitCheck]) -> str:
    return ", ".join(f"{one.name}: {one.outcome}" for one in checks)


def _failed(check: CommitCheck, commit: str) -> Problem:
    return Problem(
        f"the check {check.name!r} of the release commit {commit[:12]} ended with {check.outcome}: {check.page}",
        "success",
        "correct what failed, push it, and start the release again; or run the check again on GitHub if it was a mishap",
    )


def _missing(waiting: Sequence[str], seen: CommitChecks, commit: str) -> Problem:
    there = ", ".join(sorted({check.name for check in seen.found})) or "none"
    unseen = f"; the token may not read {' and '.join(seen.unseen)}" if seen.unseen else ""
    return Problem(
        f"GitHub shows no finished {', '.join(waiting)} for the release commit {commit[:12]} (checks there: {there}{unseen})",
        "the checks that `test-checks` under [tool.lockgate] names, for exactly this commit",
        "see whether a workflow runs for pushes to the release branch, and whether the names are as GitHub shows them",
    )
