"""What a package index shows of a project, and whether that is what was built.

Holds the values read from the index and the rule that tells three verdicts apart: not visible yet, wrong bytes,
published. It never asks the index itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from packaging.tags import Tag
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from lockgate.errors import Problem
from lockgate.markdown import code, prose, table

Differences = Literal["refuse", "report"]
FileState = Literal["same", "other bytes", "no digest", "missing", "made elsewhere", "not built"]


@dataclass(frozen=True, slots=True)
class IndexFile:
    """One file of a project as the index lists it (PEP 691, 700, 740).

    `sha256` is "" and `size` (bytes) is None where the index does not say; `provenance` is the address of the
    file's provenance object; `uploaded` is an ISO 8601 time; `page` is the address of the answer that named all this.
    """

    name: str
    sha256: str
    size: int | None
    url: str
    yanked: bool = False
    provenance: str | None = None
    uploaded: str | None = None
    page: str = field(default="", compare=False)

    @property
    def version(self) -> Version | None:
        """The version in the file's name; None for a name that no standard describes."""
        return file_version(self.name)


@dataclass(frozen=True, slots=True)
class IndexProject:
    """A project as the index lists it.

    `versions` joins those the index declares with those of the file names, yanked ones included; `status` is the
    word of PEP 792 ("active" where the index says nothing).
    """

    name: str
    versions: tuple[Version, ...]
    files: tuple[IndexFile, ...]
    status: str
    url: str


@dataclass(frozen=True, slots=True)
class Publisher:
    """The Trusted Publisher that the index recorded with a file (PEP 740).

    `environment` is the one configured on the index; "" stands for any.
    """

    kind: str
    repository: str
    workflow: str
    environment: str


class BuiltFile(Protocol):
    """What the verdict needs to know of a built artifact."""

    @property
    def name(self) -> str:
        """The file name."""

    @property
    def sha256(self) -> str:
        """The digest, as lower-case hex."""

    @property
    def size(self) -> int:
        """The size in bytes."""


@dataclass(frozen=True, slots=True)
class FileComparison:
    """One file, built here and found on the index."""

    name: str
    state: FileState
    built: str
    found: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the index shows of a release.

    `identical` is true only when every file has the bytes that were built; a published release may be otherwise
    where the publish workflow builds anew and differences are only reported.
    """

    kind: Literal["not-visible", "published", "differs"]
    files: tuple[FileComparison, ...]
    note: str = ""

    @property
    def identical(self) -> bool:
        """Whether the index has exactly the files that were built, byte for byte."""
        return all(file.state == "same" for file in self.files)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of built files that the index does not show."""
        return tuple(file.name for file in self.files if file.state == "missing")

    @property
    def different(self) -> tuple[FileComparison, ...]:
        """The files that are there but are not proved to be the built ones."""
        return tuple(file for file in self.files if file.state not in {"same", "missing"})

    def table(self, place: str = "on the index") -> str:
        """The comparison file by file, as a Markdown table; digests are cut short, the fixture has the whole ones."""
        rows = [(code(one.name), one.state, prose(_cut(one.built)), prose(_cut(one.found))) for one in self.files]
        return table(("file", place, "built", "found"), rows)


def file_version(name: str) -> Version | None:
    """The version that a wheel's or sdist's file name carries; None when the name follows no standard."""
    try:
        return parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, ValueError):
        return None


def version_files(project: IndexProject | None, version: Version) -> tuple[IndexFile, ...]:
    """The project's files of one version, compared as PEP 440 versions so that 1.0 finds 1.0.0."""
    return tuple(file for file in project.files if file.version == version) if project else ()


def has_version(project: IndexProject | None, version: Version) -> bool:
    """Whether the index shows the version in any spelling, yanked or without files."""
    return project is not None and version in project.versions


def judge_publication(
    built: Sequence[BuiltFile], found: Sequence[IndexFile], *, differences: Differences = "refuse"
) -> Verdict:
    """Compare the built artifacts with the index's files of the same version, by name, size and sha256.

    Wrong bytes never become right by waiting, so they outweigh a missing file. With `differences="report"` (a publish
    workflow that builds anew) other bytes are listed and do not refuse, nor does a wheel for this platform in whose place
    the workflow built wheels for others; any other missing file still means not visible yet.
    """
    files = _compare(built, found)
    if differences == "report":
        files = tuple(_made_elsewhere(file, found) for file in files)
    states = {file.state for file in files}
    if differences == "refuse" and states - {"same", "missing"}:
        return Verdict("differs", files)
    if "missing" in states or not built:
        return Verdict("not-visible", files)
    return Verdict("published", files)


def judge_visibility(
    built: Sequence[BuiltFile],
    release: Sequence[IndexFile] | None,
    listed: Sequence[IndexFile],
    *,
    differences: Differences = "refuse",
) -> Verdict:
    """Join the index's two views: `release`, its page of this version, and `listed`, what installers see.

    The page of a version is up to date first, the list of all files may lag by minutes; a release is published when
    installers see it. `release` is None where the index has no such page. Wrong bytes in either view refuse.
    """
    seen = judge_publication(built, listed, differences=differences)
    if seen.kind != "not-visible" or release is None:
        return seen
    first = judge_publication(built, release, differences=differences)
    if first.kind == "differs":
        return first
    if first.kind == "published":
        return Verdict("not-visible", seen.files, "The index has the files but does not list them to installers yet.")
    return seen


def publication_problems(verdict: Verdict, version: Version | str, index: str) -> tuple[Problem, ...]:
    """The words for a verdict that is not "published"; empty when it is."""
    if verdict.kind == "published":
        return ()
    if verdict.kind == "not-visible":
        missing = ", ".join(verdict.missing) or "any file"
        return (
            Problem(
                f"{index} does not show {missing} of version {version}. {verdict.note}".strip(),
                "every built file, with its sha256",
                "wait: an index may take minutes to show an upload. If it stays so, read the publish run's log",
            ),
        )
    return tuple(_difference(file, version, index) for file in verdict.different)


def rebuilt_rule(setting: str, *, downloads_assets: bool) -> Differences:
    """Whether other bytes on the index refuse, from the setting `rebuilt` (refuse, report or auto).

    "auto" refuses when the publish workflow uploads the release's own assets, and reports when it builds anew.
    """
    if setting == "auto":
        return "refuse" if downloads_assets else "report"
    return "report" if setting == "report" else "refuse"


def installable_wheel(names: Sequence[str], tags: Sequence[Tag]) -> str | None:
    """The wheel among these names that an installer with these platform tags takes; None when there is none."""
    rank = {tag: number for number, tag in enumerate(tags)}
    fitting: list[tuple[int, str]] = []
    for name in names:
        if name.endswith(".whl") and file_version(name) is not None:
            ranks = [rank[tag] for tag in parse_wheel_filename(name)[3] if tag in rank]
            fitting.extend([(min(ranks), name)] if ranks else [])
    return min(fitting)[1] if fitting else None


def _compare(built: Sequence[BuiltFile], found: Sequence[IndexFile]) -> tuple[FileComparison, ...]:
    shown = {file.name: file for file in found}
    known = {file.name for file in built}
    pairs = [_compare_file(file, shown.get(file.name)) for file in sorted(built, key=lambda file: file.name)]
    extra = [
        FileComparison(file.name, "not built", "-", _identity(file.sha256, file.size))
        for file in sorted(found, key=lambda file: file.name)
        if file.name not in known
    ]
    return (*pairs, *extra)


def _compare_file(built: BuiltFile, found: IndexFile | None) -> FileComparison:
    here = _identity(built.sha256, built.size)
    if found is None:
        return FileComparison(built.name, "missing", here, "-")
    there = _identity(found.sha256, found.size)
    if not found.sha256:
        return FileComparison(built.name, "no digest", here, there)
    same = found.sha256 == built.sha256 and found.size in {None, built.size}
    return FileComparison(built.name, "same" if same else "other bytes", here, there)


def _made_elsewhere(file: FileComparison, found: Sequence[IndexFile]) -> FileComparison:
    for_a_platform = file.name.endswith(".whl") and not file.name.endswith("-any.whl")
    others = any(other.name.endswith(".whl") for other in found)
    return replace(file, state="made elsewhere") if file.state == "missing" and for_a_platform and others else file


def _cut(identity: str) -> str:
    return re.sub(r"\b([0-9a-f]{16})[0-9a-f]{48}\b", r"\1…", identity)


def _identity(sha256: str, size: int | None) -> str:
    digest = f"sha256 {sha256}" if sha256 else "no sha256"
    return digest if size is None else f"{digest}, {size} bytes"


def _difference(file: FileComparison, version: Version | str, index: str) -> Problem:
    if file.state == "not built":
        return Problem(
            f"{index} has {file.name} ({file.found}) for version {version}, which was not built here",
            "only the files of this release",
            'find out who uploaded it; if the publish workflow builds more files on purpose, set `rebuilt = "report"`',
        )
    if file.state == "no digest":
        return Problem(
            f"{index} gives no sha256 for {file.name}",
            f"{file.built}",
            "download the file and compare it by hand, or use an index that gives digests (PEP 503, PEP 691)",
        )
    return Problem(
        f"{index} has {file.name} with {file.found}",
        f"the built file: {file.built}",
        "do not announce this release: yank it and release a new version, or, if the publish workflow builds anew on "
        'purpose, set `rebuilt = "report"`',
    )
