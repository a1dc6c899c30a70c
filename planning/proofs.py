"""What this installation can prove of what stands on origin: records by their signed statements, commits by what they hold."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from clients import git, git_trees
from clients.keys import Keys
from lockgate.errors import RefusedError
from lockgate.fixture import Fixture, named_version
from lockgate.repository import Commit
from lockgate.settings import Settings, describe_settings
from lockgate.statements import Proved, make_envelope, make_statement, pre_authentication, read_envelope, read_proved
from planning.release import Release, keys_of

LOOKED_AT = 50
"""How many commits that touched a fixture are looked at for the release commit."""


@dataclass(frozen=True, slots=True)
class Prover:
    """The installation's keys, for the records of one project in one repository."""

    keys: Keys
    repository: str
    project: str

    def read(self, text: str) -> Proved | None:
        """The record of a text that this installation signed for this project; None for every other text."""
        envelope = read_envelope(text)
        if envelope is None or not any(self.keys.is_signed(envelope.signed, one) for one in envelope.signatures):
            return None
        return read_proved(text, envelope.payload, repository=self.repository, project=self.project)


def prover_of(release: Release) -> Prover:
    """The prover for a release's project."""
    return Prover(keys_of(release.environ), release.slug, release.settings.project)


def sign(release: Release, fixture: Fixture, time: str, tree: str = "") -> dict[str, object]:
    """The envelope that proves this record; `tree` is what its commit holds beside it, for the release commit."""
    index, settings = release.settings.index, digest_of(release.settings)
    payload = make_statement(fixture, index=index, settings=settings, tree=tree, time=time)
    return make_envelope(payload, *keys_of(release.environ).sign(pre_authentication(payload)))


def digest_of(settings: Settings) -> str:
    """The digest of a project's settings, whatever their origins."""
    values = [(name, value) for name, value, _ in describe_settings(settings)]
    return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode()).hexdigest()


def find_release_commit(folder: Path, head: str, path: str, prover: Prover) -> str:
    """The proved release commit of the fixture at this path in a history, "" when there is none."""
    for commit in git_trees.commits_of_file(folder, head, path, LOOKED_AT):
        if is_release_commit(folder, commit, path, prover):
            return commit
    return ""


def is_release_commit(folder: Path, commit: str, path: str, prover: Prover) -> bool:
    """Whether this installation made this commit as a release commit: its parent, its fixture and all else in it are as signed."""
    proved = _read(folder, commit, path, prover)
    if proved is None or not proved.tree or git.resolve(folder, f"{commit}^") != proved.fixture.base_commit:
        return False
    return git_trees.tree_without(folder, commit, path) == proved.tree


def read_at(folder: Path, head: str, path: str, prover: Prover) -> Fixture | None:
    """The proved record at this path in a commit, with its release commit; None for a missing file, and for a report."""
    proved = _read(folder, head, path, prover)
    if proved is None or proved.fixture.release_commit:
        return proved.fixture if proved else None
    return replace(proved.fixture, release_commit=find_release_commit(folder, head, path, prover))


def is_own(release: Release, folder: Path, commit: Commit) -> bool:
    """Whether this installation made this commit, in that repository: by what it changes, never by what its message says.

    That is a commit of nothing but a proved fixture, a proved release commit, or one whose changes were noted before.
    """
    pattern, prover = release.settings.fixture, prover_of(release)
    for path in commit.paths:
        if named_version(path, pattern) and _read(folder, commit.sha, path, prover) is not None:
            return len(commit.paths) == 1 or is_release_commit(folder, commit.sha, path, prover)
    if len(commit.parents) != 1:
        return False
    note = _note(release, commit.parents[0], git_trees.changes(folder, commit.parents[0], commit.sha))
    return release.store.read_record(note) is not None


def note_commit(release: Release, folder: Path, files: tuple[str, ...], time: str) -> None:
    """Note, before it is made, what a commit of these files will change, so that it is known whatever happens in between."""
    head = git.resolve(folder, "HEAD")
    if head is not None:
        made = git_trees.changes(folder, head, git_trees.tree_of_files(folder, files))
        release.store.write_record(_note(release, head, made), json.dumps({"files": files, "time": time}))


def _note(release: Release, parent: str, changes: str) -> str:
    digest = hashlib.sha256(f"{parent}\0{changes}".encode(errors="surrogateescape")).hexdigest()
    return f"commits/{release.slug}/{digest}"


def _read(folder: Path, commit: str, path: str, prover: Prover) -> Proved | None:
    try:
        text = git.read_text(folder, commit, path)
    except RefusedError:  # a link, what is no text or too large: nothing that this installation signed
        return None
    return None if text is None else prover.read(text)
