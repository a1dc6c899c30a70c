"""The rules for an artifact's core metadata: what an index refuses, said before anything is tagged.

They follow the index's own (warehouse: forklift/metadata.py, forklift/legacy.py); whether a field is valid at all is
left to `packaging.metadata`, which the index uses as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from lockgate.errors import Problem

LABEL_LIMIT_CHARACTERS = 32


def check_metadata(name: str, text: str, project: str, version: Version) -> Iterator[Problem]:
    """Everything that keeps the metadata `text` of the file `name` from describing this version of this project."""
    if not text:
        where = "METADATA in its .dist-info folder" if name.endswith(".whl") else "PKG-INFO in its folder"
        yield Problem(f"{name} has no metadata", where, "Update the build backend, then build again")
        return
    raw, _ = parse_email(text)
    yield from _check_identity(name, raw, project, version)
    yield from _check_validity(name, raw)
    yield from _check_dependencies(name, raw)
    yield from _check_classifiers(name, raw)
    for label in raw.get("project_urls", {}):
        if len(label) > LABEL_LIMIT_CHARACTERS:
            yield Problem(
                f"{name}: the project URL label {label!r} has {len(label)} characters",
                f"at most {LABEL_LIMIT_CHARACTERS}, the index's limit",
                "Shorten it in [project.urls]",
            )


def _check_identity(name: str, raw: RawMetadata, project: str, version: Version) -> Iterator[Problem]:
    said = raw.get("name", "")
    if canonicalize_name(said) != canonicalize_name(project):
        yield Problem(f"{name}: metadata names the project {said!r}", repr(project), "Correct the project's name")
    text = raw.get("version", "")
    try:
        found = Version(text)
    except ValueError:
        yield Problem(f"{name}: metadata gives the version {text!r}", "a version as PEP 440 defines it", "Correct it")
        return
    if found.local:
        yield Problem(
            f"{name}: {text!r} is a local version",
            "a public version: the index refuses what follows a '+'",
            "Build from the tagged commit, or configure the version tool to leave the local part out",
        )
    if found != version:
        yield Problem(
            f"{name}: metadata gives the version {text!r}",
            str(version),
            "Correct where the version comes from: `lockgate plan` shows the place",
        )


def _check_validity(name: str, raw: RawMetadata) -> Iterator[Problem]:
    try:
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        for err in group.exceptions:
            field = err.field if isinstance(err, InvalidMetadata) else "metadata"
            if field not in {"version", "name"}:
                yield Problem(f"{name}: {err}", f"a valid {field} (core metadata)", "Correct it in pyproject.toml")


def _check_dependencies(name: str, raw: RawMetadata) -> Iterator[Problem]:
    for text in raw.get("requires_dist", []):
        try:
            url = Requirement(text).url
        except InvalidRequirement:
            continue  # reported with its words by the check of the whole metadata
        if url:
            yield Problem(
                f"{name}: the dependency {text!r} is a direct URL",
                "a name and versions: the index refuses direct URLs",
                "Depend on a released version",
            )


def _check_classifiers(name: str, raw: RawMetadata) -> Iterator[Problem]:
    from trove_classifiers import classifiers, deprecated_classifiers  # late: 900 strings that few need

    for text in raw.get("classifiers", []):
        if text.startswith("Private ::"):
            yield Problem(
                f"{name}: the classifier {text!r} says that it must not be published",
                "no classifier that begins with 'Private ::'",
                "Remove it if this project is meant to be public",
            )
        elif text in deprecated_classifiers:
            instead = ", ".join(deprecated_classifiers[text]) or "none"
            yield Problem(f"{name}: the classifier {text!r} is deprecated", f"its successor: {instead}", "Replace it")
        elif text not in classifiers:
            yield Problem(f"{name}: {text!r} is not a known classifier", "one of trove-classifiers", "Correct it")
