"""The fixtures of a project's earlier releases, as a branch holds them."""

from __future__ import annotations

from packaging.version import Version

from clients import git
from lockgate.checkouts import allowed
from lockgate.errors import RefusedError
from lockgate.fixture import Fixture, from_json
from lockgate.placeholders import fill
from planning.release import Release


def read_fixtures(release: Release, commit: str) -> tuple[dict[Version, Fixture], dict[str, str]]:
    """The project's fixtures at a commit by version; and the files that are none, with why."""
    pattern = fill(release.settings.fixture, version="*")
    paths = [path for path in git.list_files(release.workspace, commit) if allowed(path, (pattern,))]
    found: dict[Version, Fixture] = {}
    unreadable: dict[str, str] = {}
    for path in paths:
        try:
            fixture = from_json(git.read_text(release.workspace, commit, path) or "")
            if fixture.project == release.settings.project:
                found[Version(fixture.version)] = fixture
        except (RefusedError, ValueError) as error:
            unreadable[path] = error.problems[0].seen if isinstance(error, RefusedError) else str(error)
    return found, unreadable


def earlier_releases(release: Release) -> tuple[Fixture, ...]:
    """The fixtures that the workspace knows of origin's branch, without looking at origin again; none before it was looked at."""
    commit = git.resolve(release.workspace, f"refs/remotes/origin/{release.settings.branch}")
    return () if commit is None else tuple(read_fixtures(release, commit)[0].values())
