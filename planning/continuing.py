"""What a start finds of its release: looked at once, and decided on by the rules of `lockgate.continuation`."""

from __future__ import annotations

from dataclasses import replace

from clients import git
from lockgate.approvals import Approval, Question
from lockgate.checkouts import release_files
from lockgate.continuation import Before, Course, Wish, count, decide_course, listed, quoted
from lockgate.fixture import Fixture, named_version
from lockgate.markdown import prose
from lockgate.repository import Commit, Origin
from lockgate.steps import step
from lockgate.undo import taken_back
from lockgate.versions import released_versions
from lockgate.words import Since, check_word, warn_nothing_new, was_since
from planning import attempts, record, survey
from planning.release import Release

STOPS = {"decline": "declined", "abort": "aborted at"}
ANEW = "begins anew"


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
    """Return whether this start goes on or begins anew, as things are now, and what is amiss with what was asked for."""
    request, before = release.request, look_before(release, origin)
    course = decide_course(before, release.run, Wish(request.restart, request.commit.strip().lower()), release.label)
    if before.tagged or (before.commit and not course.anew):
        return course
    since = look_since(release, origin)
    problems = check_word(request.version, str(release.version), since, release.run.asked)
    return replace(course, problems=course.problems + problems, warnings=warn_nothing_new(request.version, since))


def look_since(release: Release, origin: Origin) -> Since:
    """Return what there is since the newest release, by origin's tags and by the releases that this installation made."""
    tagged = released_versions(origin.tags, release.settings.tag_format)
    newest = max(tagged, default=None)
    tag = tagged[newest] if newest is not None else ""
    others_made = others_since(release, origin, origin.tags[tag]) if tag else ()
    commits = [one for one in others_made if not _is_record(release, one)]
    known = record.kept_ones(release.store, release.slug)
    others = [(f"{one.project} {one.version}", _tag_time(one)) for one in known if one.version != str(release.version)]
    return Since(tag, len(commits), tuple(one for one in others if was_since(one[1], release.run.asked)))


def _is_record(release: Release, commit: Commit) -> bool:
    """Whether a commit holds nothing but release fixtures: whoever made it, also another installation, it is nothing to release."""
    return bool(commit.paths) and all(named_version(path, release.settings.fixture) for path in commit.paths)


def tell(release: Release, origin: Origin, fixture: Fixture, question: Question) -> Question:
    """Return the question with what a person has to know of the release's course: why it began anew, what is not in it."""
    said = [f"{release.label} {one.what} ({one.by or 'nobody by name'}, {one.time})." for one in fixture.notes[-1:]]
    told = [prose(one) for one in (*said, left_out(release, origin, fixture)) if one]
    return replace(question, found="\n\n".join((question.found, *told))) if told else question


def others_since(release: Release, origin: Origin, commit: str) -> tuple[Commit, ...]:
    """Return the commits of others on the release branch that this commit does not contain, oldest first.

    A commit that takes this one back counts, whoever made it.
    """
    if not _is_here(release, commit):
        return ()
    head = origin.heads[release.settings.branch]
    back = [one for one in git.commits_between(release.workspace, commit, head) if commit in taken_back((one,))]
    others = survey.commits_of_others(release, commit, head)
    return (*others, *(one for one in back if one not in others))


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
    """Who declined or aborted what and why, when that was the last answer since the release began; "" when it was not."""
    last: Approval | None = fixture.approvals[-1] if fixture.approvals else None
    if last is None or last.decision not in STOPS:
        return ""
    if any(one.what.startswith(ANEW) and one.time >= last.time for one in fixture.notes):
        return ""
    why = f" ({quoted(last.note)})" if last.note.strip() else ""
    return f"{quoted(last.approver or 'a person')} {STOPS[last.decision]} {_title(last.checkpoint)!r}{why}"


def _title(checkpoint: str) -> str:
    keys = {"publish": "export", "rerun": "wait", "conflict": "version"}
    return step(keys.get(checkpoint, checkpoint)).title


def _tag_time(fixture: Fixture) -> str:
    """When the release's tag was pushed; "" when it was not."""
    export = next((one for one in fixture.steps if one.key == "export"), None)
    return (export.finished or export.started) if export and fixture.tagged else ""


def _edited(release: Release, origin: Origin) -> tuple[str, ...]:
    given = survey.look_at_given(release, origin)
    if given is None:
        return ()
    unpushed = (path for one in survey.own_commits(release, given) for path in one.paths)
    return tuple(dict.fromkeys((*release_files(given.checkout, survey.committable(release, given)), *unpushed)))
