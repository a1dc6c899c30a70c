"""What is built and published: its values, and the rules that a file must pass before it may go to an index.

The rules repeat what the index refuses (warehouse: forklift/legacy.py), so that a release stops before its tag instead
of half published, and add what an index accepts but nobody wants, such as a packaged `tests` folder. What the metadata
must say is in `lockgate.artifact_metadata`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.metadata import RawMetadata, parse_email
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from lockgate.artifact_metadata import check_metadata
from lockgate.errors import Problem
from lockgate.markdown import code, table

SIZE_LIMIT_BYTES = 100 * 1024 * 1024
RATIO_LIMIT = 50
RATIO_CHECKED_ABOVE_BYTES = 64 * 1024 * 1024
_UNWANTED_FOLDERS = {
    "benchmarks",
    "build",
    "ci",
    "dist",
    "doc",
    "docs",
    "documentation",
    "example",
    "examples",
    "helpers",
}
_UNWANTED_CODE = {
    "benchmark",
    "conftest",
    "noxfile",
    "scripts",
    "setup",
    "src",
    "tasks",
    "test",
    "testing",
    "tests",
    "tools",
}
UNWANTED_PACKAGES = frozenset(_UNWANTED_FOLDERS | _UNWANTED_CODE)
_EXTENSION_MODULE = re.compile(r"\.(so|pyd|abi3\.so)$|\.(cpython|cp3|pypy)[^/]*\.(so|pyd)$")
_REFUSED_PLATFORM = re.compile(r"linux_(?!armv[67]l$)")

Kind = Literal["sdist", "wheel"]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file that travels to the index, known by its bytes. `size` is in bytes."""

    name: str
    sha256: str
    size: int
    kind: Kind


def table_of(artifacts: Sequence[Artifact]) -> str:
    """The artifacts with their sizes and digests, as a Markdown table."""
    rows = [(code(one.name), f"{one.size:,} bytes", code(one.sha256)) for one in artifacts]
    return table(("file", "size", "sha256"), rows)


@dataclass(frozen=True, slots=True)
class ContainedFile:
    """A file inside an artifact; `size` is in bytes, unpacked."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class ArtifactContents:
    """What was read from one artifact.

    `metadata` is the text of METADATA or PKG-INFO, "" when the file has none. `entry_points` are lines such as
    "console_scripts: tool = package:main".
    """

    artifact: Artifact
    metadata: str
    files: tuple[ContainedFile, ...]
    entry_points: tuple[str, ...] = ()


def kind_of(name: str) -> Kind:
    """Whether a file of this name is a wheel or an sdist."""
    return "wheel" if name.endswith(".whl") else "sdist"


def raw_metadata(contents: ArtifactContents) -> RawMetadata:
    """The core metadata fields as they were written, unchecked."""
    return parse_email(contents.metadata)[0]


def check_artifacts(
    found: Sequence[ArtifactContents],
    project: str,
    version: Version,
    *,
    limit_bytes: int = SIZE_LIMIT_BYTES,
    import_packages: Sequence[str] = (),
    published: bool = True,
) -> tuple[Problem, ...]:
    """Everything that keeps these files from being this release of this project; empty when nothing does.

    `import_packages` are the top-level packages the wheel may hold; none given: any but the usual mistakes.
    `published=False` is for files that a workflow rebuilds elsewhere: their platform tags do not matter.
    """
    problems = list(_check_set(found))
    for contents in found:
        problems += _check_name(contents.artifact, project, version)
        problems += check_metadata(contents.artifact.name, contents.metadata, project, version)
        problems += _check_size(contents, limit_bytes)
        problems += _check_paths(contents)
        if contents.artifact.kind == "wheel":
            problems += _check_wheel(contents, project, import_packages)
            problems += _check_platform(contents.artifact) if published else ()
        else:
            problems += _check_sdist(contents)
    return tuple(problems)


def _check_set(found: Sequence[ArtifactContents]) -> Iterator[Problem]:
    """An index takes one sdist for a release, and a release without a wheel is built by everyone who installs it."""
    sdists = [contents.artifact.name for contents in found if contents.artifact.kind == "sdist"]
    wheels = [contents.artifact.name for contents in found if contents.artifact.kind == "wheel"]
    if len(sdists) != 1:
        yield Problem(f"The build made {len(sdists)} sdists: {_listed(sdists)}", "exactly one", "Build again")
    if not wheels:
        yield Problem("The build made no wheel", "at least one", "Build again")


def _check_name(artifact: Artifact, project: str, version: Version) -> Iterator[Problem]:
    """File names as PyPA's specifications of wheel and sdist names give them; an index refuses others."""
    try:
        if artifact.kind == "wheel":
            name, found, _, _ = parse_wheel_filename(artifact.name)
        else:
            name, found = parse_sdist_filename(artifact.name)
    except (InvalidWheelFilename, InvalidSdistFilename) as err:
        yield Problem(f"The file name {artifact.name!r} is not valid: {err}", "a name the index accepts", _FIX_BACKEND)
        return
    if name != canonicalize_name(project) or found != version:
        yield Problem(
            f"{artifact.name} is {name} {found} by its file name",
            f"{canonicalize_name(project)} {version}",
            "Correct name and version in the project, and where its version comes from",
        )
    elif artifact.kind == "sdist" and not artifact.name.startswith(_file_stem(project) + "-"):
        yield Problem(
            f"The sdist's name {artifact.name!r} is not normalised",
            f"a name that begins with {_file_stem(project) + '-'!r} (PEP 625)",
            "Require a newer build backend (setuptools>=69.3)",
        )


_FIX_BACKEND = "Update the build backend, then build again"


def _file_stem(project: str) -> str:
    return canonicalize_name(project).replace("-", "_")


def _check_size(contents: ArtifactContents, limit_bytes: int) -> Iterator[Problem]:
    artifact = contents.artifact
    if artifact.size > limit_bytes:
        yield Problem(
            f"{artifact.name} has {size_text(artifact.size)}",
            f"at most {size_text(limit_bytes)}, the index's limit for one file",
            "Leave large files out; where the index grants this project more, set file-size-limit under [tool.lockgate]",
        )
    for file in contents.files:
        if file.size > max(RATIO_CHECKED_ABOVE_BYTES, RATIO_LIMIT * artifact.size):
            yield Problem(
                f"{artifact.name}: {file.name} unpacks to {size_text(file.size)}",
                f"at most {RATIO_LIMIT} times its packed size: the index takes more for a zip bomb",
                "Leave the file out, or ship it packed",
            )


def _check_paths(contents: ArtifactContents) -> Iterator[Problem]:
    """Names that would unpack somewhere else, which no installer may follow."""
    unsafe = [f.name for f in contents.files if f.name.startswith("/") or "\\" in f.name or ".." in f.name.split("/")]
    if unsafe:
        seen = f"{contents.artifact.name} holds the paths {_listed([repr(name) for name in unsafe[:5]])}"
        yield Problem(seen, "relative paths that stay inside", _FIX_BACKEND)


def _check_platform(artifact: Artifact) -> Iterator[Problem]:
    """Plain linux tags promise nothing about the system libraries, and the index refuses them (PEP 513, PEP 600)."""
    try:
        tags = parse_wheel_filename(artifact.name)[3]
    except InvalidWheelFilename:
        return
    refused = sorted({tag.platform for tag in tags if _REFUSED_PLATFORM.match(tag.platform)})
    if refused:
        yield Problem(
            f"{artifact.name} carries the platform tag {_listed(refused)}",
            "manylinux, musllinux, another system's tag, or any: the index refuses plain linux tags",
            "Let the publish workflow build the wheels (cibuildwheel), or repair this one with auditwheel",
        )


def _check_wheel(contents: ArtifactContents, project: str, import_packages: Sequence[str]) -> Iterator[Problem]:
    name = contents.artifact.name
    folders = {part for file in contents.files if (part := file.name.split("/")[0]).endswith(".dist-info")}
    expected = "-".join(name.split("-")[:2]) + ".dist-info"
    if folders != {expected}:
        yield Problem(f"{name} holds the metadata folders {_listed(sorted(folders))}", f"only {expected}", _FIX_BACKEND)
    present = {file.name for file in contents.files}
    for needed in ("WHEEL", "RECORD"):
        if not any(f"{folder}/{needed}" in present for folder in folders):
            yield Problem(f"{name} has no {needed}", f"{expected}/{needed}", _FIX_BACKEND)
    yield from _check_top_level(contents, project, import_packages)


def _check_top_level(contents: ArtifactContents, project: str, import_packages: Sequence[str]) -> Iterator[Problem]:
    name = contents.artifact.name
    found = {dotted.split(".")[0] for dotted in import_names(contents)}
    own = {_file_stem(project)} | {dotted.split(".")[0] for dotted in import_packages}
    unexpected = sorted(found - own if import_packages else (found & UNWANTED_PACKAGES) - own)
    if unexpected:
        yield Problem(
            f"{name} installs the top-level packages {_listed(unexpected)} for everyone",
            f"only {_listed(sorted(own & found) or sorted(found - set(unexpected)))}",
            "Exclude them in the build backend's settings, or name them in import-packages under [tool.lockgate]",
        )
    missing = sorted({dotted.split(".")[0] for dotted in import_packages} - found)
    if missing:
        yield Problem(f"{name} does not hold {_listed(missing)}", "what import-packages names", _INCLUDE)
    elif not found and not contents.entry_points and not raw_metadata(contents).get("requires_dist"):
        yield Problem(f"{name} holds nothing that can be imported", "the project's package", _INCLUDE)


_INCLUDE = "Check which packages the build backend's settings include"


def _check_sdist(contents: ArtifactContents) -> Iterator[Problem]:
    name = contents.artifact.name
    folder = name.removesuffix(".tar.gz").removesuffix(".zip")
    tops = sorted({file.name.split("/")[0] for file in contents.files})
    if tops != [folder]:
        yield Problem(f"{name} unpacks into {_listed(tops)}", f"one folder, {folder}", _FIX_BACKEND)
    if not any(file.name.endswith("/PKG-INFO") and file.name.count("/") == 1 for file in contents.files):
        yield Problem(f"{name} has no PKG-INFO", f"{folder}/PKG-INFO", _FIX_BACKEND)


def import_names(contents: ArtifactContents) -> tuple[str, ...]:
    """What a wheel lets one import: the topmost modules and packages; of a namespace package the real ones below."""
    modules = {name for file in contents.files if (name := _installed_module(file.name)) is not None}
    packages = {name.removesuffix(".__init__") for name in modules if name.endswith(".__init__")}
    return tuple(sorted({_topmost(name.removesuffix(".__init__"), packages) for name in modules}))


def _topmost(module: str, packages: set[str]) -> str:
    parts = module.split(".")
    prefixes = (".".join(parts[:count]) for count in range(1, len(parts)))
    return next((prefix for prefix in prefixes if prefix in packages), module)


def _installed_module(path: str) -> str | None:
    """The dotted name of the module that a wheel's file becomes, None for anything else."""
    parts = path.split("/")
    if parts[0].endswith(".data"):
        if len(parts) < 3 or parts[1] not in {"purelib", "platlib"}:
            return None
        parts = parts[2:]
    elif parts[0].endswith(".dist-info"):
        return None
    if not (parts[-1].endswith(".py") or _EXTENSION_MODULE.search(parts[-1])):
        return None
    dotted = [*parts[:-1], parts[-1].split(".")[0]]
    return ".".join(dotted) if all(part.isidentifier() for part in dotted) else None


def size_text(size: int) -> str:
    """A size in bytes for people, in the units the index uses (1 MiB = 1024 KiB)."""
    if size < 1024:
        return f"{size} B"
    kib = size / 1024
    return f"{kib:.1f} KiB" if kib < 1024 else f"{kib / 1024:.1f} MiB"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
