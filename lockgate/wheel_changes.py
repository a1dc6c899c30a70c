"""What changed between the previous release's wheel and this one, for the brief that a person approves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lockgate.artifacts import ArtifactContents, raw_metadata, size_text
from lockgate.markdown import code, prose, table

SHOWN_NAMES = 20


def compare_wheels(before: ArtifactContents | None, after: ArtifactContents) -> str:
    """A Markdown table of files, entry points, dependencies, required Python and size.

    `before` is None at a first release. Files are compared by name, without the version in the metadata folder's.
    """
    title = (
        f"What changed since {before.artifact.name}" if before else f"What {after.artifact.name} holds (first release)"
    )
    header = ("what", "before → now", "+ added, − removed")
    return f"**{prose(title)}**\n\n{table(header, list(_rows(before, after)))}"


def _rows(before: ArtifactContents | None, after: ArtifactContents) -> Iterator[tuple[str, str, str]]:
    yield _sets("files", _file_names(before) if before else None, _file_names(after))
    yield _sets("entry points", set(before.entry_points) if before else None, set(after.entry_points))
    yield _sets("dependencies", _dependencies(before) if before else None, _dependencies(after))
    yield _values("requires Python", _python(before) if before else None, _python(after))
    yield _values("size", size_text(before.artifact.size) if before else None, size_text(after.artifact.size))
    yield _values("unpacked", size_text(_unpacked(before)) if before else None, size_text(_unpacked(after)))


def _sets(what: str, before: set[str] | None, now: set[str]) -> tuple[str, str, str]:
    count = f"{len(now)}" if before is None else f"{len(before)} → {len(now)}"
    added, removed = now - (before or set()), (before or set()) - now
    names = "<br>".join((*_names("+", added), *_names("−", removed)))
    return what, count, names or "none"


def _values(what: str, before: str | None, now: str) -> tuple[str, str, str]:
    """One value; the same as before is said once."""
    return what, code(now) if before is None or before == now else f"{code(before)} → {code(now)}", ""


def _names(sign: str, names: Iterable[str]) -> Iterator[str]:
    ordered = sorted(names)
    yield from (f"{sign} {code(name)}" for name in ordered[:SHOWN_NAMES])
    if len(ordered) > SHOWN_NAMES:
        yield f"{sign} {len(ordered) - SHOWN_NAMES} more"


def _file_names(contents: ArtifactContents) -> set[str]:
    return {re.sub(r"^([^/-]+)-[^/]+(\.dist-info|\.data)/", r"\1\2/", file.name) for file in contents.files}


def _dependencies(contents: ArtifactContents) -> set[str]:
    return set(raw_metadata(contents).get("requires_dist", []))


def _python(contents: ArtifactContents) -> str:
    return raw_metadata(contents).get("requires_python", "") or "any"


def _unpacked(contents: ArtifactContents) -> int:
    return sum(file.size for file in contents.files)
