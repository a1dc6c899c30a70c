"""Whether a start goes on with the release commit that an earlier start made, or begins the release anew from main."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lockgate.errors import Problem, RefusedError
from lockgate.repository import Commit
from lockgate.texts import one_line

LISTED = 3
QUOTED = 80
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_ENDS = {
    "aborted": "it was given up",
    "cancelled": "the last start was aborted",
    "expired": "the last start ended because nobody answered a question in time",
}
"""How a start can have ended, in the name of its run's state, for the next one to begin anew."""


class RequestRefusedError(RefusedError):
    """What was asked for cannot be meant; an answer to a question would not mend it."""


@dataclass(frozen=True, slots=True)
class ThisRun:
    """The run that a start belongs to, and when that run was asked for (ISO 8601); both are empty outside of Prefect."""

    id: str = ""
    asked: str = ""


OUTSIDE = ThisRun()
"""A start outside of Prefect, such as a plan's: it is the same as no other."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The run that last worked on a release: by which words it was asked for, since when it works, and how it ended.

    `ended` is the name of the run's last state in small letters; it is empty while the run works, and when it left no word.
    """

    run: str = ""
    requested: str = ""
    since: str = ""
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Before:
    """What is there of a release when a run starts or goes on.

    `known` tells that there is a record; `commit` is its release commit, where that is to be had; `tagged` tells that the tag
    is on origin. `declined` says who declined what. `others` are the commits of others on main that the release commit lacks,
    `edited` the edited release files of the given checkout.
    """

    known: bool = False
    commit: str = ""
    tagged: bool = False
    attempt: Attempt = Attempt()
    declined: str = ""
    others: tuple[Commit, ...] = ()
    edited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person who starts the release says of it: begin anew, or go on with this commit."""

    restart: bool = False
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """What becomes of what is there: the release begins anew, or goes on; and why, as a sentence goes on after a colon.

    `chosen` tells that a person wants to go on with a commit that would be given up otherwise. `problems` and `warnings` are about
    what was asked for.
    """

    anew: bool = False
    why: str = ""
    chosen: bool = False
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def decide_course(before: Before, run: ThisRun, wish: Wish, label: str) -> Course:
    """Return whether the release `label` begins anew or goes on, and why; with problems where the wish cannot be meant.

    A run that goes on (a retry of a step, an answered question, a crash that was taken up) goes on where it was, whatever
    came to main meanwhile. Once the tag is out a release can only go on.
    """
    is_same = bool(run.id) and before.attempt.run == run.id
    if problems := _check_wish(before, wish, label, is_same=is_same):
        return Course(problems=problems)
    if (is_same and not before.attempt.ended) or before.tagged or not before.known:
        return Course()
    why = "that was asked for" if wish.restart and not is_same else _reason(before)
    if wish.commit:
        return Course(why=why, chosen=bool(why))
    return Course(anew=bool(why), why=why)


def listed(commits: Sequence[Commit]) -> str:
    """Return the commits in one line: each with the beginning of its name and, between backticks, its subject."""
    shown = [f"{one.sha[:9]} {quoted(one.subject)}" for one in commits[:LISTED]]
    more = [f"{len(commits) - LISTED} more"] if len(commits) > LISTED else []
    return ", ".join(shown + more)


def count(commits: Sequence[Commit]) -> str:
    """Return how many commits these are, in words."""
    return f"{len(commits)} commit{'' if len(commits) == 1 else 's'}"


def quoted(text: str) -> str:
    """Return a short text of others as it stands in a sentence of ours: one line between backticks."""
    plain = text.replace("`", "'")
    return f"`{one_line(plain, QUOTED)}`"


def to_json(attempt: Attempt) -> str:
    """Return the attempt's text in the store."""
    return json.dumps(dataclasses.asdict(attempt), indent=2) + "\n"


def from_json(text: str | None) -> Attempt:
    """Return the attempt of this text; an empty one when there is none, or it cannot be read."""
    try:
        data = json.loads(text or "{}")
        return Attempt(**{one.name: str(data.get(one.name, "")) for one in dataclasses.fields(Attempt)})
    except (AttributeError, ValueError):
        return Attempt()


def _check_wish(before: Before, wish: Wish, label: str, *, is_same: bool) -> tuple[Problem, ...]:
    if wish.restart and wish.commit:
        return (
            Problem(
                f"{label} shall begin anew, and go on with the commit {wish.commit[:12]!r}", "one of the two",
                "leave one of them out",
            ),
        )  # fmt: skip
    if wish.restart and before.tagged and before.known and not is_same:
        return (
            Problem(
                f"the tag of {label} is out", "a release before its point of no return",
                "start it again without --restart (begin anew): it goes on",
            ),
        )  # fmt: skip
    if wish.commit and not (_COMMIT.fullmatch(wish.commit) and before.commit.startswith(wish.commit)):
        made = f"its release commit is {before.commit[:12]}" if before.commit else "it has no release commit yet"
        return (
            Problem(
                f"{label} shall go on with the commit {wish.commit[:40]!r}, and {made}",
                "the release commit that an earlier start made, by at least 7 characters of its name",
                "name that commit, or leave it out: `lockgate plan` says what the release would be made from",
            ),
        )  # fmt: skip
    return ()


def _reason(before: Before) -> str:
    """Why a new start begins anew; "" when it goes on."""
    if before.declined:
        return before.declined
    if before.attempt.ended in _ENDS:
        return _ENDS[before.attempt.ended]
    if before.commit and before.others:
        have = f"{count(before.others)} that the release commit {before.commit[:12]} does not contain"
        return f"main has {have}: {listed(before.others)}"
    if before.commit and before.edited:
        return (
            f"{', '.join(map(quoted, before.edited[:LISTED]))} was edited after the release commit {before.commit[:12]}"
        )
    return ""
