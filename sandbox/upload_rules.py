"""The rules a file must pass to be taken by the index, in the index's words. Pure but for reading the given bytes.

Source: pypi/warehouse, warehouse/forklift/legacy.py and warehouse/forklift/metadata.py.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    canonicalize_version,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version
from trove_classifiers import classifiers as KNOWN_CLASSIFIERS  # noqa: N812

from sandbox.state import JSON

MOST_BYTES_PER_FILE = 100 * 1024 * 1024
MOST_BYTES_PER_PROJECT = 10 * 1024 * 1024 * 1024
MOST_DAYS_FOR_NEW_FILES = 14
MOST_LABEL_CHARACTERS = 32
HELP = "See /help/#file-name-reuse for more information."


@dataclass(frozen=True)
class Verdict:
    """The index's answer to an upload: HTTP status and the reason it gives."""

    status: int
    reason: str


def _bad(reason: str) -> Verdict:
    return Verdict(400, reason)


def read_distribution(filename: str, content: bytes) -> JSON | Verdict:
    """Name, version and metadata of a file, or the index's refusal when it is no distribution."""
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
            text = _wheel_metadata(content)
        else:
            name, version = parse_sdist_filename(filename)
            text = _sdist_metadata(filename, content)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion) as error:
        return _bad(f"Invalid filename: {error}")
    except (OSError, zipfile.BadZipFile, tarfile.TarError, KeyError, ValueError) as error:
        return _bad(f"Invalid distribution file. {error}")
    raw, _ = parse_email(text)
    return {
        "filename": filename,
        "name": raw.get("name", str(name)),
        "version": str(raw.get("version", version)),
        "file_name": str(name),
        "file_version": str(version),
        "requires_python": raw.get("requires_python"),
        "summary": raw.get("summary", ""),
        "metadata": text,
        "problems": _metadata_problems(raw),
    }


def _wheel_metadata(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = next((n for n in archive.namelist() if n.count("/") == 1 and n.endswith(".dist-info/METADATA")), None)
        if name is None:
            raise ValueError("WHEEL not found or METADATA missing")
        return archive.read(name).decode()


def _sdist_metadata(filename: str, content: bytes) -> str:
    if not filename.endswith(".tar.gz"):
        raise ValueError("The source distribution is no .tar.gz")
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        names = archive.getnames()
        tops = {name.split("/")[0] for name in names}
        if len(tops) != 1:
            raise ValueError("Source distributions must have exactly one top-level directory")
        member = archive.extractfile(f"{next(iter(tops))}/PKG-INFO")
        if member is None:
            raise ValueError("PKG-INFO not found")
        return member.read().decode()


def _metadata_problems(raw: RawMetadata) -> list[str]:
    """The refusals that the metadata alone earns."""
    problems = []
    version = str(raw.get("version", ""))
    if Version(version).local is not None:
        problems.append(f"The use of local versions in '{version}' is not allowed.")
    for text in raw.get("requires_dist", []):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            problems.append(f"'{text}' is invalid for 'requires-dist'.")
            continue
        if requirement.url is not None:
            problems.append(f"Can't have direct dependency: '{text}'. See the Core metadata specification.")
    unknown = [name for name in raw.get("classifiers", []) if name not in KNOWN_CLASSIFIERS]
    problems += [f"'{name}' is not a valid classifier." for name in unknown]
    long = [label for label in raw.get("project_urls", {}) if len(label) > MOST_LABEL_CHARACTERS]
    problems += [
        f"'{label}' is an invalid value for Project-URL: label must be 32 characters or less." for label in long
    ]
    return problems


def refusal(project: JSON, distribution: JSON, content: bytes) -> Verdict | None:
    """The index's answer when it does not store the file: a refusal, or 200 for bytes that it has; None to store it."""
    filename = str(distribution["filename"])
    if distribution["problems"]:
        return _bad(str(distribution["problems"][0]))
    named = canonicalize_name(distribution["file_name"]), canonicalize_version(distribution["file_version"])
    said = canonicalize_name(distribution["name"]), canonicalize_version(distribution["version"])
    if named != said:
        expected = f"{distribution['name']} {distribution['version']}"
        return _bad(f"Start filename for {expected!r} does not match {filename!r}.")
    size = _size_refusal(project, distribution, content)
    return size or _reuse_refusal(project, distribution, content) or _release_refusal(project, distribution)


def _size_refusal(project: JSON, distribution: JSON, content: bytes) -> Verdict | None:
    name = distribution["name"]
    if len(content) > int(project.get("file_limit", MOST_BYTES_PER_FILE)):
        limit = int(project.get("file_limit", MOST_BYTES_PER_FILE)) // (1024 * 1024)
        return _bad(f"File too large. Limit for project '{name}' is {limit} MB.")
    if sum(int(entry["size"]) for entry in project.get("files", [])) + len(content) > MOST_BYTES_PER_PROJECT:
        return _bad(f"Project size too large. Limit for project '{name}' total size is 10 GB.")
    return None


def _reuse_refusal(project: JSON, distribution: JSON, content: bytes) -> Verdict | None:
    filename = distribution["filename"]
    digest = hashlib.sha256(content).hexdigest()
    for entry in project.get("files", []):
        if entry["filename"] == filename and entry["sha256"] == digest:
            return Verdict(200, "OK")
        if entry["filename"] == filename or entry["sha256"] == digest:
            return _bad(
                f"File already exists ('{entry['filename']}', with blake2_256 hash '{entry['blake2_256']}'). {HELP}"
            )
    if filename in project.get("deleted", []):
        used = "This filename was previously used by a file that has since been deleted. Use a different version."
        return _bad(f"{used} {HELP}")
    return None


def _release_refusal(project: JSON, distribution: JSON) -> Verdict | None:
    version = canonicalize_version(distribution["version"])
    files = [entry for entry in project.get("files", []) if canonicalize_version(entry["version"]) == version]
    if not files:
        return None
    first = min(datetime.fromisoformat(entry["upload_time"]) for entry in files)
    if datetime.now(UTC) - first > timedelta(days=MOST_DAYS_FOR_NEW_FILES):
        return _bad("Uploading new files to releases older than 14 days is not allowed.")
    sdists = [entry for entry in files if entry["packagetype"] == "sdist"]
    if sdists and not str(distribution["filename"]).endswith(".whl"):
        return _bad("Only one sdist may be uploaded per release.")
    return None
