"""Files of a commit that a release can do without, and that are not read: links, submodules, what is no text or too large."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from clients import git
from lockgate.documents import DocumentError, read_json
from lockgate.errors import RefusedError
from lockgate.fixture import named_version
from lockgate.migrations import find_migrations
from lockgate.repository import Entry, why_not_read
from lockgate.settings import CHANGELOGS
from planning.release import Release
from planning.survey import WORKFLOW_FOLDER


def warn(release: Release, commit: str) -> tuple[str, ...]:
    """A sentence for each of them: changelog, workflows, migrations, fixtures of other releases, and folders of these."""
    entries = git.list_entries(release.workspace, commit)
    said = [f"{one.name} is {why}: it is passed over" for one in entries if (why := _why(release, one))]
    return (*said, *_changelogs(release, commit), *_fixtures(release, commit, entries))


def _why(release: Release, entry: Entry) -> str:
    why = why_not_read(entry)
    return why if why and _is_wanted(release, entry.name) else ""


def _is_wanted(release: Release, name: str) -> bool:
    """Whether a release reads a file of this name, or files in a folder of this name."""
    folders = {str(one) for one in PurePosixPath(f"{WORKFLOW_FOLDER}x").parents}
    return (
        name in folders
        or name.startswith(WORKFLOW_FOLDER)
        or bool(named_version(name, release.settings.fixture))
        or bool(find_migrations((name, f"{name}/0001.py"), release.settings.migrations))
    )


def _changelogs(release: Release, commit: str) -> Iterator[str]:
    for path in dict.fromkeys((*CHANGELOGS, release.settings.release_notes)):
        try:
            if path:
                git.read_text(release.workspace, commit, path)
        except RefusedError as error:
            yield f"{error.problems[0].seen}: it is passed over, GitHub writes the release's notes"


def _fixtures(release: Release, commit: str, entries: tuple[Entry, ...]) -> Iterator[str]:
    """The fixtures of other releases that cannot be read; the release's own is reported by step 1 in its own words."""
    for one in entries:
        if (
            one.name == release.fixture_path
            or not named_version(one.name, release.settings.fixture)
            or why_not_read(one)
        ):
            continue
        try:
            read_json(git.read_text(release.workspace, commit, one.name) or "")
        except RefusedError as error:
            yield f"{error.problems[0].seen}: it is passed over"
        except DocumentError as error:
            yield f"{one.name} is no JSON that is read ({error}): it is passed over"
