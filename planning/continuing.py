"""What a start finds of its release: looked at once, and decided on by the rules of `lockgate.continuation`."""

from __future__ import annotations

from clients import git
from lockgate.approvals import Approval
from lockgate.checkouts import is_own_commit, release_files
from lockgate.continuation import Before, Course, Wish, count, decide_course, listed, quoted
from lockgate.fixture import Fixture
from lockgate.repository import Commit, Origin
from lockgate.steps import step
from planning import attempts, record, survey
from planning.release import Release


def look_before(release: Release, origin: Origin) -> Before:
    """Return what is there of the release at this moment."""
    fixture = record.find(release, origin)
    tagged = release.tag in origin.tags or (fixture is not None and fixture.finished("export"))
    attempt = attempts.read(release.store, release.slug, str(release.version))
    if fixture is None or tagged:
        return Before(fixture is not None, fixture.release_commit if fixture else "", tagged, attempt)
    commit = fixture.release_commit if _is_here(release, fixture.release_commit) else ""
    edited = _edited(release, origin) if commit else ()
    return Before(True, commit, tagged, attempt, _declined(fixture), others_since(release, origin, commit), edited)


def decide(release: Release, origin: Origin) -> Course:
    """Return whether this start goes on or begins anew, as things are now."""
    request = release.request
    wish = Wish(request.restart, request.commit.strip().lower())
    return decide_course(look_before(release, origin), release.run, wish, release.label)


def others_since(release: Release, origin: Origin, commit: str) -> tuple[Commit, ...]:
    """Return the commits of others on the release branch that this commit does not contain, oldest first."""
    if not _is_here(release, commit):
        return ()
    since = git.commits_between(release.workspace, commit, origin.heads[release.settings.branch])
    return tuple(one for one in since if not is_own_commit(one))


def left_out(release: Release, origin: Origin, fixture: Fixture | None) -> str:
    """Return which commits of others are on the release branch and not in this release, in a sentence; "" without any."""
    since = others_since(release, origin, fixture.release_commit) if fixture else ()
    return f"Not in this release: {count(since)}: {listed(since)}." if since else ""


def made_commit(release: Release, fixture: Fixture | None) -> str:
    """Return the release commit that the release goes on with; "" when it still has to be made."""
    return fixture.release_commit if fixture and _is_here(release, fixture.release_commit) else ""


def _is_here(release: Release, commit: str) -> bool:
    return bool(commit) and git.resolve(release.workspace, commit) is not None


def _declined(fixture: Fixture) -> str:
    """Who declined, what and why, when that was the last answer; "" when it was not."""
    last: Approval | None = fixture.approvals[-1] if fixture.approvals else None
    if last is None or last.decision != "decline":
        return ""
    why = f" ({quoted(last.note)})" if last.note.strip() else ""
    return f"{quoted(last.approver or 'a person')} declined {_title(last.checkpoint)!r}{why}"


def _title(checkpoint: str) -> str:
    keys = {"publish": "export", "rerun": "wait"}
    return step(keys.get(checkpoint, checkpoint)).title


def _edited(release: Release, origin: Origin) -> tuple[str, ...]:
    given = survey.look_at_given(release, origin)
    return () if given is None else release_files(given.checkout, survey.committable(release, given))
