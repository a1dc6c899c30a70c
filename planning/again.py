"""The last look before the point of no return: everything that the tag relies on, observed once more."""

from __future__ import annotations

from clients import git
from lockgate.checkouts import check_moved_main
from lockgate.errors import Problem
from lockgate.fixture import Fixture
from lockgate.repository import Origin
from lockgate.undo import check_taken_back
from planning import asking, checks, survey
from planning.agreeing import check_agreement
from planning.release import Release


def problems_before_tag(release: Release, origin: Origin, fixture: Fixture) -> tuple[Problem, ...]:
    """Why the tag may not be pushed at this very moment; none when all that it relies on is still so.

    That is: version, publish workflow, environment and token, the release commit in origin's branch, the artifacts' bytes, the
    same in all that names them, and for exactly this commit the tests and the approvals.
    """
    publisher = checks.publisher(release, origin)
    findings = [
        checks.version(release, origin),
        publisher,
        checks.release_environment(release, origin),
        checks.export(release, origin),
    ]
    problems = tuple(problem for finding in findings for problem in finding.problems)
    problems += _commit(release, origin, fixture) + _bytes(release, fixture) + _tests(release, fixture)
    problems += check_agreement(release, origin, fixture)
    return problems + asking.unapproved(release, origin, fixture, publisher)


def _commit(release: Release, origin: Origin, fixture: Fixture) -> tuple[Problem, ...]:
    commit, head = fixture.release_commit, origin.heads[release.settings.branch]
    is_here = bool(commit) and git.resolve(release.workspace, commit) is not None
    if not is_here or not git.is_ancestor(release.workspace, commit, head):
        return (
            Problem(
                f"the release commit {commit[:12] or '(none)'} is not in origin's branch",
                "the commit that was built and tested, on origin", "find out who took it away, then start again",
            ),
        )  # fmt: skip
    since = git.commits_between(release.workspace, commit, head)
    if back := check_taken_back(commit, since, str(release.version)):
        return back
    written = git.read_commit(release.workspace, commit).paths
    own = (release.settings.version_source.path, release.fixture_path, *written)
    return check_moved_main(survey.commits_of_others(release, commit, head), own)


def _bytes(release: Release, fixture: Fixture) -> tuple[Problem, ...]:
    lost = [one.name for one in fixture.artifacts if not release.store.is_sound(one.sha256)]
    if fixture.artifacts and not lost:
        return ()
    seen = f"the store has no sound bytes of {', '.join(lost) or 'any artifact'}"
    return (Problem(seen, "the artifacts as they were built and tested", "start again"),)


def _tests(release: Release, fixture: Fixture) -> tuple[Problem, ...]:
    tested = fixture.tests is not None and fixture.tests.passed and fixture.tests.commit == fixture.release_commit
    if tested or not (release.settings.test_command or release.settings.test_checks):
        return ()
    return (Problem("there is no test evidence for the release commit", "tests of exactly this commit", "start again"),)
