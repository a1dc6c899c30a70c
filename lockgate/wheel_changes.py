"""What changed between the previous release's wheel and this one, for the brief that a person approves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lockgate.artifacts import ArtifactContents, raw_metadata, size_text

SHOWN_NAMES = 20


def compare_wheels(before: ArtifactContents | None, after: ArtifactContents) -> str:
    """A Markdown table of files, entry points, dependencies, required Python and size.

    `before` is None at a first release. Files are compared by name, without the version in the metadata folder's.
    """
    rows = list(_rows(before, after))
    title = (
        f"What changed since {before.artifact.name}" if before else f"What {after.artifact.name} holds (first release)"
    )
    return "\n".join([f"**{title}**", "", "| what | before → now | + added, − removed |", "|---|---|---|", *rows])


def _rows(before: ArtifactContents | None, after: ArtifactContents) -> Iterator[str]:
    yield _sets("files", _file_names(before) if before else None, _file_names(after))
    yield _sets("entry points", set(before.entry_points) if before else None, set(after.entry_points))
    yield _sets("dependencies", _dependencies(before) if before else None, _dependencies(after))
    yield _values("requires Python", _python(before) if before else None, _python(after))
    yield _values("size", size_text(before.artifact.size) if before else None, size_text(after.artifact.size))
    yield _values("unpacked", size_text(_unpacked(before)) if before else None, size_text(_unpacked(after)))


def _sets(what: str, before: set[str] | None, now: set[str]) -> str:
    count = f"{len(now)}" if before is None else f"{len(before)} → {len(now)}"
    added, removed = now - (before or set()), (before or set()) - now
    names = "<br>".join((*_names("+", added), *_names("−", removed)))
    return f"| {what} | {count} | {names or 'none'} |"


def _values(what: str, before: str | None, now: str) -> str:
    """One value; the same as before is said once."""
    both = f"`{_cell(before)}` → `{_cell(now)}`" if before not in {None, now} else f"`{_cell(now)}`"
    return f"| {what} | {both} | |"


def _names(sign: str, names: Iterable[str]) -> Iterator[str]:
    ordered = sorted(names)
    yield from (f"{sign} `{_cell(name)}`" for name in ordered[:SHOWN_NAMES])
    if len(ordered) > SHOWN_NAMES:
        yield f"{sign} {len(ordered) - SHOWN_NAMES} more"


def _cell(text: str) -> str:
    """For a code span: what comes from archives may end neither the span nor the table's cell."""
    return re.sub(r"[\r\n`]", "?", text).replace("|", "\\|")


def _file_names(contents: ArtifactContents) -> set[str]:
    return {re.sub(r"^([^/-]+)-[^/]+(\.dist-info|\.data)/", r"\1\2/", file.name) for file in contents.files}


def _dependencies(contents: ArtifactContents) -> set[str]:
    return set(raw_metadata(contents).get("requires_dist", []))


def _python(contents: ArtifactContents) -> str:
    return raw_metadata(contents).get("requires_python", "") or "any"


def _unpacked(contents: ArtifactContents) -> int:
    return sum(file.size for file in contents.files)
