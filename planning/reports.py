"""Records on origin that this installation did not sign: anybody who may merge can write them. They are told, and prove nothing."""

from __future__ import annotations

from dataclasses import replace

from clients import git
from lockgate.approvals import Approval
from lockgate.errors import RefusedError
from lockgate.fixture import Abort, Fixture, from_json, is_complete
from lockgate.origins import canonical
from lockgate.repository import Origin
from lockgate.texts import one_line
from lockgate.undo import LONGEST_NOTE
from planning.release import Release

MOST_ANSWERS = 100
MOST_BURNT = 10


def describe(text: str) -> str:
    """What such a record tells, in a sentence of ours; nothing of its own words."""
    found = _parsed(text)
    if found is None:
        return "it cannot be read"
    tests = "tests that passed" if found.tests and found.tests.passed else "no tests"
    return f"it tells of {len(found.approvals)} approvals and {tests}"


def signed_answers(release: Release, text: str | None) -> tuple[Approval, ...]:
    """The approvals in such a record that carry a signature, where the project's rules verify each of them again."""
    found = _parsed(text) if text is not None and release.settings.signed_approvals else None
    answers = found.approvals[:MOST_ANSWERS] if found else ()
    return tuple(one for one in answers if one.signature and one.decision == "approve")


def adopt(release: Release, origin: Origin, begun: Fixture, text: str | None) -> Fixture | None:
    """The record of a release whose tag is out and whose own record is lost, from what git itself shows; None without one.

    The tag names the release commit, which has to be in the branch and to hold a fixture of this version that was made on its
    parent. What people decided and which tests ran is not known: both are asked anew. A release that is told to be complete
    is another installation's, and is left as it is.
    """
    commit, workspace = origin.tags.get(release.tag), release.workspace
    if commit is None or text is None or git.resolve(workspace, commit) is None:
        return None
    latest, made = _parsed(text), _parsed_at(release, commit)
    if latest is None or made is None or is_complete(latest):
        return None
    names = (release.settings.project, str(release.version), release.tag)
    if canonical(made.repository) != canonical(release.slug) or (made.project, made.version, made.tag) != names:
        return None
    if not made.base_commit or git.resolve(workspace, f"{commit}^") != made.base_commit:
        return None
    if not git.is_ancestor(workspace, commit, origin.heads[release.settings.branch]):
        return None
    return replace(begun, base_commit=made.base_commit, release_commit=commit, abort=_given_up(latest))


def _given_up(latest: Fixture) -> Abort | None:
    """What such a record says of a release that was given up: it can only stop one, so it is heard whoever wrote it."""
    told = latest.abort
    if told is None or not told.burnt:
        return None
    burnt = tuple(one_line(one, LONGEST_NOTE) for one in told.burnt[:MOST_BURNT])
    return Abort(one_line(told.time, LONGEST_NOTE), one_line(told.by, LONGEST_NOTE), "", (), (), burnt)


def _parsed_at(release: Release, commit: str) -> Fixture | None:
    data = git.read_file(release.workspace, commit, release.fixture_path)
    return None if data is None else _parsed(data.decode(errors="replace"))


def _parsed(text: str) -> Fixture | None:
    try:
        return from_json(text)
    except RefusedError:
        return None
