"""Whether all that names a release's artifacts names the same bytes: the record, the approvals, the commit on origin, the tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from lockgate.approvals import Approval, fingerprint_of
from lockgate.artifacts import Artifact
from lockgate.errors import Problem

DISTRIBUTIONS = (".whl", ".tar.gz", ".zip")
Digests = Mapping[str, str]


def approved_digests(approvals: Iterable[Approval], commit: str) -> dict[str, Digests]:
    """The artifacts' digests that each approval for this commit was given for, by words for the approval.

    What an approval says of its evidence counts only where its fingerprint is over that.
    """
    found: dict[str, Digests] = {}
    for one in approvals:
        proved = fingerprint_of(one.checkpoint, one.evidence) == one.fingerprint
        digests = {name: value for name, value in one.evidence.items() if name.endswith(DISTRIBUTIONS)}
        if one.decision == "approve" and proved and digests and one.evidence.get("commit") == commit:
            found[f"the approval by {one.approver} at {one.time} ({one.checkpoint})"] = digests
    return found


def disagreements(recorded: Sequence[Artifact], others: Mapping[str, Digests]) -> tuple[Problem, ...]:
    """Each file that the record and another source (by words for it) name with different bytes, or only one of them names."""
    built = {one.name: one.sha256 for one in recorded}
    return tuple(
        _problem(name, built.get(name, ""), who, digests.get(name, ""))
        for who, digests in others.items()
        for name in sorted({*chain(built, digests)})
        if built.get(name) != digests.get(name)
    )


def _problem(name: str, recorded: str, who: str, said: str) -> Problem:
    return Problem(
        f"the record names {name} with the sha256 {recorded or '(not at all)'}, and {who} names {said or '(it not at all)'}",
        "the same bytes everywhere: those that were built, tested and approved",
        "find out who exchanged them, in the store or in the record; then begin the release anew, or release the next version",
    )
