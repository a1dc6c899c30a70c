"""Observations that several steps need, of origin, the given checkout, the index and the repository's files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import Version

from clients import git, git_workspace, index
from lockgate.errors import RefusedError, refused
from lockgate.fixture import Fixture, is_same_release, restarted
from lockgate.publication import IndexFile, IndexProject, Publisher, version_files
from lockgate.repository import Checkout, Commit, Origin
from lockgate.version_sources import VersionSource, write_version
from lockgate.versions import VANISHED, IndexVersions, previous_release, released_versions
from planning import record
from planning.opening import update_workspace
from planning.proofs import is_own
from planning.release import Release, observe_origin
from planning.stated import version_in

WORKFLOW_FOLDER = ".github/workflows/"


def look_at_origin(release: Release) -> Origin:
    """Origin as it is now, with its commits in the workspace; refuses when the release branch is gone."""
    origin = observe_origin(release)
    branch = release.settings.branch
    if branch not in origin.heads:
        raise refused(f"origin has no branch {branch!r} any more", "the release branch", "restore it and start again")
    here = git.is_repository(release.workspace) == "checkout"
    if here:
        git_workspace.renew(release.workspace, release.origin_url)
    if not here or git.resolve(release.workspace, f"refs/remotes/origin/{branch}") != origin.heads[branch]:
        update_workspace(release.workspace, release.origin_url, branch, release.environ)
    return origin


def look_at_index(release: Release) -> IndexProject | None:
    """The project on the index; None only when the index says that there is none."""
    return index.observe_project(release.index_url, release.settings.project)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the index shows: the project as installers see it, and its own page of the version, each None on a 404."""

    project: IndexProject | None
    page: tuple[IndexFile, ...] | None

    def digests(self, version: Version) -> dict[str, str]:
        """The sha256 of every file of the version that either of the two shows."""
        return {file.name: file.sha256 for file in (*version_files(self.project, version), *(self.page or ()))}


def look_at_version(release: Release) -> Shown:
    """Both ways in which the index shows a version: either one may lag behind, and one hides releases without files."""
    page = index.observe_release(release.index_url, release.settings.project, release.version)
    return Shown(look_at_index(release), page)


def index_versions(release: Release, shown: Shown, recorded: Iterable[Version]) -> IndexVersions | None:
    """The index's versions as the version rules want them; None only when nothing knows of the project.

    `recorded` versions were on the index, as fixtures in the repository say. Those that are not any more are burnt: a file
    name is never given twice. A project that is not there any more has vanished.
    """
    project, published = shown.project, frozenset(recorded)
    if project is None and shown.page is None:
        return IndexVersions(status=VANISHED, banned=published) if published else None
    listed = (project.versions if project else ()) + (() if shown.page is None else (release.version,))
    files = (*(project.files if project else ()), *(shown.page or ()))
    yanked = frozenset(file.version for file in files if file.yanked and file.version is not None)
    status = project.status if project else "active"
    return IndexVersions(tuple(dict.fromkeys(listed)), yanked, status, published - set(listed))


def is_ours(release: Release, origin: Origin, shown: Shown, fixture: Fixture | None) -> bool:
    """Whether what carries this version on origin and index is this very release, begun earlier."""
    return is_same_release(fixture, origin.tags.get(release.tag), shown.digests(release.version))


@dataclass(frozen=True, slots=True)
class Given:
    """The checkout that a person gave, and its commits that origin does not have."""

    checkout: Checkout
    ahead: tuple[Commit, ...]


def look_at_given(release: Release, origin: Origin) -> Given | None:
    """The given checkout as it is now; None when the release was given by URL. Nothing in it is touched."""
    if release.given is None:
        return None
    checkout = git.observe_checkout(release.given)
    head = origin.heads[release.settings.branch]
    if checkout.head is None or git.resolve(release.workspace, checkout.head) is not None:
        known = checkout.head is None or git.is_ancestor(release.workspace, checkout.head, head)
        if known:
            return Given(checkout, ())
    base = git.resolve(release.given, f"refs/remotes/origin/{release.settings.branch}") or head
    return Given(checkout, git.commits_between(release.given, base, checkout.head or base))


def committable(release: Release, given: Given) -> tuple[str, ...]:
    """The patterns of files that may be committed without asking.

    A file that states the version is one of them only when nothing but the version was edited in it: it may be the whole
    pyproject.toml, or a module.
    """
    source = release.settings.version_source
    more = {place.path for place in (source, *source.copies) if _is_more_edited(release, given, place)}
    return tuple(pattern for pattern in release.settings.release_files if pattern not in more)


def _is_more_edited(release: Release, given: Given, place: VersionSource) -> bool:
    """Whether anything but the version was edited in a file that states it."""
    if release.given is None or place.path not in given.checkout.dirty or not given.checkout.head:
        return False
    before = git.read_text(release.given, given.checkout.head, place.path)
    now = git.working_text(release.given, place.path)
    stated = None if now is None else version_in(place, now)
    return before is None or stated is None or write_version(place, before, stated) != now


def own_commits(release: Release, given: Given | None) -> tuple[Commit, ...]:
    """The commits of the given checkout that Lockgate made and that still have to be pushed."""
    if given is None or release.given is None:
        return ()
    return tuple(one for one in given.ahead if is_own(release, release.given, one))


def strange_commits(release: Release, given: Given) -> tuple[Commit, ...]:
    """The commits of the given checkout that origin does not have and that Lockgate did not make."""
    own = own_commits(release, given)
    return tuple(one for one in given.ahead if one not in own)


def commits_of_others(release: Release, base: str, head: str) -> tuple[Commit, ...]:
    """The commits in `head` that are not in `base` and that this installation did not make, oldest first."""
    since = git.commits_between(release.workspace, base, head)
    return tuple(one for one in since if not is_own(release, release.workspace, one))


def previous(release: Release, origin: Origin) -> tuple[str, str, str] | None:
    """Version, tag and commit of the release before this one, by origin's tags; None for a first one."""
    tagged = released_versions(origin.tags, release.settings.tag_format)
    version = previous_release(release.version, tagged)
    return None if version is None else (str(version), tagged[version], origin.tags[tagged[version]])


def read_texts(release: Release, commit: str, paths: tuple[str, ...]) -> dict[str, str]:
    """The texts of these files at a commit; what is no UTF-8 text is shown with its odd bytes replaced.

    Passed over is what is not read (`passed_over.warn` tells of it): links, and files that are too large.
    """
    found = {path: read_optional(release, commit, path) for path in paths}
    return {path: data.decode(errors="replace") for path, data in found.items() if data is not None}


def read_optional(release: Release, commit: str, path: str) -> bytes | None:
    """Read a file that a release can do without; None for a missing one, and for what is refused as no plain file."""
    try:
        return git.read_file(release.workspace, commit, path)
    except RefusedError:
        return None


def workflow_texts(release: Release, commit: str) -> dict[str, str]:
    """The workflow files at a commit."""
    names = git.list_files(release.workspace, commit)
    paths = tuple(
        name for name in names
        if name.startswith(WORKFLOW_FOLDER) and name.count("/") == WORKFLOW_FOLDER.count("/") and name.endswith((".yml", ".yaml"))
    )  # fmt: skip
    return read_texts(release, commit, paths)


def previous_publisher(release: Release, project: IndexProject | None) -> Publisher | None:
    """The publisher that the index recorded with the newest earlier release that has one."""
    if project is None:
        return None
    for version in sorted((one for one in project.versions if one < release.version), reverse=True):
        with_provenance = [file for file in version_files(project, version) if file.provenance]
        if with_provenance:
            return index.read_publisher(with_provenance[0])
    return None


def commit_to_release(origin: Origin, release: Release, fixture: Fixture | None) -> str:
    """The release commit once there is one, else the head of the release branch that it will be made from.

    One that was never pushed, made in a workspace that is no more, is none.
    """
    made = fixture.release_commit if fixture else ""
    is_here = bool(made) and git.resolve(release.workspace, made) is not None
    return made if is_here else origin.heads[release.settings.branch]


def find_fixture(release: Release, origin: Origin) -> Fixture | None:
    """The fixture of this release, or None when it was never started; without what a release that begins anew gives up."""
    found = record.find(release, origin)
    return restarted(found) if found and release.course.anew else found
