"""The choice to give a release up at a checkpoint: what it left is shown, taken back, and asked about where it is public."""

from __future__ import annotations

import hashlib
from typing import Literal, NoReturn

from prefect.input import RunInput
from pydantic import Field

from flows.pauses import Asked, ask, spend
from lockgate.errors import AbortedError
from lockgate.markdown import prose
from lockgate.undo import Item, Traces, gave_up, items_of, listed
from planning.release import Release
from planning.undoing import command
from tasks.undoing import look_back, take_back


class Consent(RunInput):
    """Yes does what is asked about. No leaves it as it is, and `lockgate abort` can do it later."""

    decision: Literal["yes", "no"] = Field(title="Decision", description="There is no default on purpose.")


def give_up(release: Release, key: str, by: str, note: str) -> NoReturn:
    """Take back what the release left, asking about each thing that cannot be taken back itself; raises AbortedError.

    `key` is the answer that chose it, spent once everything was asked. The publish run is cancelled before anything is asked.
    """
    seen = look_back(release)
    wanted, spent = set(), [key]
    for item in items_of(seen):
        if not item.irreversible:
            wanted.add(item.key)
            continue
        answer, answered, _ = ask(Consent, _asked(release, seen, item))
        spent.append(answered)
        if answer.decision == "yes":
            wanted.add(item.key)
    for one in spent:
        spend(one)
    done = take_back(release, seen, wanted, by=by, note=note)
    raise AbortedError(gave_up(seen, done, by, command(release, "release"), command(release, "abort")))


def _asked(release: Release, seen: Traces, item: Item) -> Asked:
    bound = hashlib.sha256(f"{item.key} {item.what}".encode()).hexdigest()[:16]
    brief = (
        f"## Give {prose(release.label)} up\n\n{listed(items_of(seen))}\n\n"
        f"**Shall Lockgate {item.does}?** That is public and cannot be taken back. It concerns: {prose(item.what)}.\n"
    )
    return Asked(
        f"give-up-{bound}", f"Give {release.label} up", brief, ("yes", "no"), (),
        int(release.settings.checkpoint_timeout),
    )  # fmt: skip
