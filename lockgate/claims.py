"""One release of a repository at a time: whose turn it is, and when a turn may be taken over.

A claim is a small record in the store, held across a release's waits for people; what Prefect forgets at a suspension, it
does not. Beside it a lock of the operating system says whether a process works in the workspace right now.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

from lockgate.documents import read_json
from lockgate.errors import Problem, RefusedError

Holder = Literal["over", "waiting", "working", "gone", "unknown"]
"""What became of the run that holds a claim.

over: it ended. waiting: for a person, or to be started. working: a process works for it. gone: it should be working, but
its process has vanished, or nobody knows of it any more. unknown: nobody can be asked.
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """That a run has a repository's turn: since when (ISO 8601, UTC), on which machine, and where it can be asked for.

    `suspends` tells a run that waits for people without a process (Prefect's suspension, for deployments) from one that needs its
    process to wait (a pause, in a terminal).
    """

    run: str
    name: str
    since: str
    host: str
    home: str
    server: str
    suspends: bool = True


class BusyError(RefusedError):
    """Another release of this repository has the turn."""


def to_json(claim: Claim) -> str:
    """The claim's text in the store."""
    return json.dumps(dataclasses.asdict(claim), indent=2) + "\n"


def from_json(text: str | None) -> Claim | None:
    """The claim of this text; None when there is none, it was given back, or it cannot be read (then it protects nobody).

    Fields that this Lockgate does not know are left out: an upgrade does not end a turn.
    """
    try:
        data = read_json(text or "{}")
        known = {field.name for field in dataclasses.fields(Claim)}
        return Claim(**{name: value for name, value in data.items() if name in known}) if data else None
    except (AttributeError, TypeError, ValueError):
        return None


def judge_holder(state: str | None, process: bool | None, *, suspends: bool) -> Holder:
    """What became of a claim's holder.

    `state` is the type of its state by its Prefect server ("": unknown there; None: no server answers), `process` whether a
    process works for it on this machine (None: it was on another one, nobody can tell).
    """
    if process:
        return "working"
    if process is False and not suspends:
        return "gone"
    if state is None:
        return "unknown"
    if state in ("", "COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
        return "over" if state else "gone"
    if state in ("SCHEDULED", "PENDING", "PAUSED"):
        return "waiting"
    return "working" if process is None else "gone"


def decide_turn(found: Claim | None, run: str, holder: Holder) -> Literal["act", "done"]:
    """Whether this run takes the turn ("act") or has it already ("done").

    Raises BusyError, naming the run that it is behind, when another one has it and is neither over nor gone.
    """
    if found is not None and found.run == run:
        return "done"
    if found is None or holder in ("over", "gone"):
        return "act"
    raise BusyError(behind(found, holder))


def behind(found: Claim, holder: Holder) -> Problem:
    """That another run has the turn, in words."""
    doing = {
        "waiting": "waits: for a person, or to be started",
        "working": f"is at work on {found.host}",
    }.get(holder, f"was last seen on {found.host}, and its Prefect server ({found.server}) does not answer")
    then = (
        "start that server and approve or abort the run there; if it is lost for good: `lockgate unlock REPOSITORY`"
        if holder == "unknown"
        else f"wait for it; or `lockgate status {found.run[:8]}`, then approve or abort it"
    )
    return Problem(
        f"{found.name} (run {found.run}) has this repository's turn since {found.since} and {doing}",
        "one release of a repository at a time", then,
    )  # fmt: skip
