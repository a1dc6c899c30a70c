"""The sentinel: whether version, tags, GitHub releases, index and fixtures of a project tell the same story.

Each difference is a problem whose third part proposes a repair; nothing is repaired by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from packaging.version import Version

from lockgate.errors import Problem
from lockgate.fixture import Fixture, is_complete
from lockgate.github import GithubRelease
from lockgate.publication import IndexFile, IndexProject, version_files
from lockgate.reminders import upload_window
from lockgate.versions import tag_for

SHORT = 12


@dataclass(frozen=True, slots=True)
class Watch:
    """What the sentinel watches."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True, "extra": "forbid"}

    repositories: tuple[str, ...]
    """The repositories: URLs, or folders on the machine of the worker."""

    since: str = ""
    """Compare from this version on. Empty: from the first release that has a fixture, or else the newest one."""

    notify: str = ""
    """The notification block that is told of differences, as TYPE/NAME. Empty: the run's state and table only."""


@dataclass(frozen=True, slots=True)
class Everywhere:
    """What every place says of a project.

    `stated` is the version on the release branch; `tags` and `commits` are origin's tags by version; `merged` is the newest
    version whose tagged commit is in the branch; `lost` are versions whose recorded commit is not; `unreadable` are fixtures
    that cannot be read, with why.
    """

    project: str
    branch: str
    tag_format: str
    stated: Version | None = None
    tags: Mapping[Version, str] = field(default_factory=dict)
    commits: Mapping[Version, str] = field(default_factory=dict)
    merged: Version | None = None
    lost: frozenset[Version] = frozenset()
    releases: tuple[GithubRelease, ...] = ()
    index: IndexProject | None = None
    fixtures: Mapping[Version, Fixture] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two places; `version` is "" when it is the project's as a whole."""

    version: str
    problem: Problem


def watched_versions(seen: Everywhere, since: str) -> tuple[Version, ...]:
    """The versions to compare, the newest first: from `since` on, or from the first one with a fixture, or the newest alone."""
    known = {*seen.tags, *(seen.index.versions if seen.index else ()), *seen.fixtures}
    if since:
        first = Version(since)
    elif seen.fixtures:
        first = min(seen.fixtures)
    else:
        first = max(known, default=Version("0"))
    return tuple(sorted((one for one in known if one >= first), reverse=True))


def compare(seen: Everywhere, since: str = "") -> tuple[Difference, ...]:
    """Every difference between the places, the project's own first, then by version, the newest first."""
    found = [Difference("", problem) for problem in _of_project(seen)]
    for version in watched_versions(seen, since):
        found += [Difference(str(version), problem) for problem in _of_version(seen, version)]
    return tuple(found)


def in_order(seen: Everywhere, since: str = "") -> str:
    """The one line that says that nothing differs."""
    versions = watched_versions(seen, since)
    if not versions:
        return f"{seen.project}: nothing is released yet"
    span = str(versions[0]) if len(versions) == 1 else f"{versions[-1]} to {versions[0]}"
    return f"{seen.project}: {span} agree on {seen.branch}, tags, GitHub releases, index and fixtures"


def _of_project(seen: Everywhere) -> Iterator[Problem]:
    if seen.stated is not None and seen.merged is not None and seen.stated < seen.merged:
        yield Problem(
            f"{seen.branch!r} says version {seen.stated}, and {seen.tags[seen.merged]} is in it",
            f"{seen.merged} or newer", "find the commit that took the version back and revert it",
        )  # fmt: skip
    if seen.index is not None and seen.index.status not in ("active", "deprecated"):
        yield Problem(
            f"the index calls {seen.project} {seen.index.status}", "an active project",
            "no release is accepted like this: settle it on the index",
        )  # fmt: skip
    for path, why in seen.unreadable.items():
        yield Problem(f"{path}: {why}", "a readable fixture", "restore the file from the repository's history")


def _of_version(seen: Everywhere, version: Version) -> Iterator[Problem]:
    files = version_files(seen.index, version)
    fixture = seen.fixtures.get(version)
    if fixture is None:
        yield from _without_fixture(seen, version, files)
        return
    yield from _tag(seen, version, fixture, files)
    if not fixture.tagged and version not in seen.tags and not files:
        return
    yield from _index(fixture, files)
    yield from _release(seen, version, fixture)
    if not is_complete(fixture):
        reached = next((one.key for one in reversed(fixture.steps) if one.finished), "no step")
        yield Problem(
            f"the release of {version} is not finished: its fixture ends at {reached!r}", "all eleven steps",
            f"start it again: lockgate release {version}; it goes on where it was",
        )  # fmt: skip


def _without_fixture(seen: Everywhere, version: Version, files: Sequence[IndexFile]) -> Iterator[Problem]:
    tag = seen.tags.get(version)
    if files and tag is None:
        yield Problem(
            f"the index has {version}, and origin has no tag of it", tag_for(version, seen.tag_format),
            "find out who published it and from which commit, and tag that one",
        )  # fmt: skip
    elif tag is not None and not files:
        yield Problem(
            f"origin has {tag}, and the index has no {version}", "a tag for what is released",
            "run the publish workflow for the tag, or release another version",
        )  # fmt: skip
    elif seen.fixtures:
        yield Problem(
            f"{version} has a tag and is on the index, and has no fixture", "a record of every release",
            "it was released without Lockgate: find out by whom",
        )  # fmt: skip


def _tag(seen: Everywhere, version: Version, fixture: Fixture, files: Sequence[IndexFile]) -> Iterator[Problem]:
    tagged = seen.commits.get(version)
    commit = fixture.release_commit
    if tagged is None and (fixture.tagged or files):
        yield Problem(
            f"{fixture.tag} was pushed and origin has no such tag", f"{fixture.tag} at {commit[:SHORT]}",
            f"put it back: git push origin {commit}:refs/tags/{fixture.tag}",
        )  # fmt: skip
    elif tagged is not None and commit and tagged != commit:
        yield Problem(
            f"{fixture.tag} is at {tagged[:SHORT]} on origin", f"{commit[:SHORT]}, which was built and tested",
            "find out who moved the tag, and do not trust what was built from it",
        )  # fmt: skip
    if version in seen.lost:
        yield Problem(
            f"the release commit {commit[:SHORT]} of {version} is not in {seen.branch!r}", "a branch that holds it",
            f"find out who rewrote {seen.branch!r}, and merge {fixture.tag}",
        )  # fmt: skip


def _index(fixture: Fixture, files: Sequence[IndexFile]) -> Iterator[Problem]:
    recorded = dict(fixture.index_files) or dict.fromkeys((one.name for one in fixture.artifacts), "")
    found = {one.name: one.sha256 for one in files}
    missing = sorted(recorded.keys() - found.keys())
    if missing:
        yield _missing(fixture, missing, files)
    for name in sorted(found.keys() - recorded.keys()):
        yield Problem(
            f"the index has {name}, which the release did not make", "the recorded files only",
            "find out who uploaded it; yank or delete it if it is nobody's",
        )  # fmt: skip
    for name in sorted(recorded.keys() & found.keys()):
        if recorded[name] and found[name] and recorded[name] != found[name]:
            yield Problem(
                f"the index has {name} with sha256 {found[name][:SHORT]}", recorded[name][:SHORT],
                "these are not the released bytes: yank the version and find out where they come from",
            )  # fmt: skip


def _missing(fixture: Fixture, missing: Sequence[str], files: Sequence[IndexFile]) -> Problem:
    names = ", ".join(missing)
    if fixture.index_files:
        advice = "a deleted name can never be used again: release another version"
    else:
        window = upload_window(fixture.version, [one.name for one in fixture.artifacts], files)
        until = f"; the index takes it until {window.closes:%Y-%m-%d %H:%M} UTC" if window else ""
        advice = f"start it again: lockgate release {fixture.version}{until}"
    return Problem(f"the index lacks {names}", "every file of the release", advice)


def _release(seen: Everywhere, version: Version, fixture: Fixture) -> Iterator[Problem]:
    found = [one for one in seen.releases if one.tag_name == fixture.tag]
    if len(found) > 1:
        pages = ", ".join(one.html_url for one in found)
        yield Problem(f"GitHub has {len(found)} releases of {fixture.tag}: {pages}", "one", "delete the other ones")
        return
    if not found:
        if "release" in fixture.urls:
            yield Problem(
                f"GitHub has no release of {fixture.tag}", fixture.urls["release"],
                "make it again from the tag, with the files that the index has",
            )  # fmt: skip
        return
    if found[0].draft and is_complete(fixture):
        yield Problem(
            f"the GitHub release of {fixture.tag} is a draft, and {version} is on the index", "a public release",
            f"publish it: {found[0].html_url}",
        )  # fmt: skip
    yield from _assets(found[0], fixture)


def _assets(release: GithubRelease, fixture: Fixture) -> Iterator[Problem]:
    """Assets that are missing, or are neither the built bytes nor those on the index (a workflow that builds anew)."""
    assets = {one.name: (one.digest or "").removeprefix("sha256:") for one in release.assets}
    for artifact in fixture.artifacts:
        known = {artifact.sha256, fixture.index_files.get(artifact.name, artifact.sha256)}
        digest = assets.get(artifact.name)
        if digest is None:
            yield Problem(
                f"the GitHub release of {fixture.tag} lacks {artifact.name}", "every artifact",
                "upload the file that the index has",
            )  # fmt: skip
        elif digest and digest not in known:
            yield Problem(
                f"the asset {artifact.name} of {fixture.tag} has sha256 {digest[:SHORT]}", artifact.sha256[:SHORT],
                "somebody replaced it: put the file that the index has in its place",
            )  # fmt: skip
