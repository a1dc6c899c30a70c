"""The version that a repository states: at a commit, or as a person edited it in the checkout in front of them."""

from __future__ import annotations

from pathlib import Path

from packaging.version import Version

from clients import git
from lockgate.errors import Problem, SettingsError
from lockgate.settings import Settings
from lockgate.version_sources import VersionSource, read_version
from planning.release import Release


def repository_version(workspace: Path, commit: str, settings: Settings) -> Version | None:
    """The version that the repository states at a commit; None when its tags are what states it."""

    def read(path: str) -> str | None:
        return git.read_text(workspace, commit, path)

    return read_version(settings.version_source, read)


def stated_version(workspace: Path, commit: str, settings: Settings, given: Path | None) -> Version | None:
    """Return the version that a person has in front of them: as edited in the given checkout, else as the commit has it."""
    edited = None if given is None else edited_version(given, settings.version_source)
    return edited or repository_version(workspace, commit, settings)


def edited_version(folder: Path, place: VersionSource) -> Version | None:
    """Return the version that an edited file of a checkout states; None when it was not edited, or states none."""
    if not place.path or place.path not in git.observe_checkout(folder).dirty:
        return None
    text = git.working_text(folder, place.path)
    return None if text is None else version_in(place, text)


def version_in(place: VersionSource, text: str) -> Version | None:
    """Return the version that a file's text states; None when it states none, as in the middle of a merge."""
    try:
        return read_version(place, lambda path: text if path == place.path else None)
    except SettingsError:
        return None


def check_copies(release: Release, stated: Version | None) -> tuple[Problem, ...]:
    """Return a problem for each edited file that repeats the version, and states neither the repository's nor the release's."""
    problems: list[Problem] = []
    for copy in release.settings.version_source.copies if release.given else ():
        found = edited_version(release.given, copy) if release.given else None
        if found is not None and found not in (stated, release.version):
            problems.append(
                Problem(
                    f"{copy.path} was edited to say {found}, and {release.settings.version_source.path} says {stated}",
                    "the same version in both", f"correct one of them, or release {found}: `lockgate release {found}`",
                )
            )  # fmt: skip
    return tuple(problems)
