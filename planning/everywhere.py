"""What main, tags, GitHub, the index and the fixtures say of a project: observed for the sentinel."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.version import Version

from clients import git, github_releases
from lockgate.fixture import Fixture
from lockgate.repository import Origin
from lockgate.request import Request
from lockgate.sentinel import Everywhere
from lockgate.versions import released_versions
from planning import survey
from planning.history import read_fixtures
from planning.opening import open_release
from planning.outlook import beside
from planning.release import Release
from planning.stated import repository_version

ANY_VERSION = "0"
"""A release is opened for its settings here; of which version plays no part."""


def look_everywhere(repository: str, environ: Mapping[str, str]) -> Everywhere:
    """What every place says of the repository's project; only a workspace of its own is written to.

    Raises SettingsError for what is no project, UnavailableError when a place does not answer.
    """
    release = open_release(Request(repository, ANY_VERSION), beside(environ))
    origin = survey.look_at_origin(release)
    head = origin.heads[release.settings.branch]
    tags = released_versions(origin.tags, release.settings.tag_format)
    commits = {version: origin.tags[tag] for version, tag in tags.items()}
    merged = [version for version, commit in commits.items() if git.is_ancestor(release.workspace, commit, head)]
    fixtures, unreadable = read_fixtures(release, head)
    return Everywhere(
        project=release.settings.project,
        branch=release.settings.branch,
        tag_format=release.settings.tag_format,
        stated=repository_version(release.workspace, head, release.settings),
        tags=tags,
        commits=commits,
        merged=max(merged, default=None),
        lost=_lost(release, origin, fixtures),
        releases=github_releases.list_releases(release.hub),
        index=survey.look_at_index(release),
        fixtures=fixtures,
        unreadable=unreadable,
    )


def _lost(release: Release, origin: Origin, fixtures: Mapping[Version, Fixture]) -> frozenset[Version]:
    """The versions whose tag is out and whose recorded release commit is not in the branch."""
    head = origin.heads[release.settings.branch]
    return frozenset(
        version
        for version, fixture in fixtures.items()
        if fixture.tagged and fixture.release_commit and not _holds(release, fixture.release_commit, head)
    )


def _holds(release: Release, commit: str, head: str) -> bool:
    known = git.resolve(release.workspace, commit) is not None
    return known and git.is_ancestor(release.workspace, commit, head)
