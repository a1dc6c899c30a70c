"""The record's artifacts against all else that names them: the approvals, the fixture on origin, and the tag."""

from __future__ import annotations

from clients import git_tags
from lockgate.agreement import Digests, approved_digests, disagreements
from lockgate.errors import LockgateError, Problem
from lockgate.fixture import Fixture, from_json
from lockgate.releases import digests_in
from lockgate.repository import Origin
from planning import record
from planning.release import Release


def check_agreement(release: Release, origin: Origin, fixture: Fixture) -> tuple[Problem, ...]:
    """Where the record's digests are not those that were approved, that origin's fixture has, or that the tag's message names.

    What the draft, the release and the index have is compared with the record where they are looked at.
    """
    others: dict[str, Digests] = approved_digests(fixture.approvals, fixture.release_commit)
    if committed := _committed(release, origin, fixture):
        others["the fixture on origin"] = committed
    if tagged := _tagged(release, origin):
        others[f"the message of tag {release.tag!r}"] = tagged
    return disagreements(fixture.artifacts, others)


def _committed(release: Release, origin: Origin, fixture: Fixture) -> Digests:
    """What the fixture on origin names for this release commit; nothing where there is none that can be read."""
    text = record.read_committed(release, origin)
    try:
        there = from_json(text) if text else None
    except LockgateError:
        return {}
    if there is None or there.release_commit != fixture.release_commit:
        return {}
    return {one.name: one.sha256 for one in there.artifacts}


def _tagged(release: Release, origin: Origin) -> Digests:
    tag = origin.tag_objects.get(release.tag, "")
    return digests_in(git_tags.message_of(release.workspace, tag)) if tag else {}
