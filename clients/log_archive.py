"""Reads the zip of logs that a workflow run leaves, without unpacking it.

Names and texts come from other people's workflows: sizes are counted while reading, names are made harmless, and
nothing is written. What the texts say is for lockgate/publish_logs.py.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lockgate.errors import Problem, RefusedError, UnavailableError
from lockgate.publish_logs import job_key, safe_member_name

MAX_MEMBERS = 5000
CHUNK_BYTES = 64 * 1024
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class JobLogs:
    """The logs of a run: text by job name as the archive spells it, sha256 and size (bytes) of the archive."""

    texts: Mapping[str, str]
    sha256: str
    size: int


def read_archive(path: Path, limit_bytes: int) -> JobLogs:
    """The logs in a run's zip, one text per job.

    The archive has a file per job at the top (`0_build.txt`), a folder per job with a file per step, or both; the
    job's own file is taken when it is there. Raises RefusedError when the texts are more than `limit_bytes` together or
    the archive has absurdly many files, UnavailableError when it is broken, as a cut download is.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path)
            texts = _read_all(archive, members, limit_bytes, path)
    except BROKEN as error:
        raise UnavailableError(
            Problem(
                f"The log archive {path.name} cannot be read: {type(error).__name__}: {error}",
                "a zip file",
                "download it again; if it stays so, read the logs in the browser",
            )
        ) from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return JobLogs(_by_job(texts), digest, path.stat().st_size)


def _members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    members = [member for member in archive.infolist() if not member.is_dir() and member.filename.endswith(".txt")]
    if len(members) > MAX_MEMBERS:
        raise _too_much(path, f"{len(members)} files", f"at most {MAX_MEMBERS} files")
    return members


def _read_all(
    archive: zipfile.ZipFile, members: Iterable[zipfile.ZipInfo], limit_bytes: int, path: Path
) -> dict[str, str]:
    texts: dict[str, str] = {}
    left = limit_bytes
    for member in members:
        data = bytearray()
        # The size in the directory is the archive's own word, so what comes out is counted instead.
        with archive.open(member) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise _too_much(path, f"more than {limit_bytes} bytes of text", f"at most {limit_bytes} bytes")
                data += chunk
        texts[safe_member_name(member.filename)] = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    return texts


def _by_job(texts: Mapping[str, str]) -> dict[str, str]:
    whole = {_without_number(name): text for name, text in sorted(texts.items()) if "/" not in name}
    known = {job_key(job) for job in whole}
    steps: dict[str, list[tuple[int, str, str]]] = {}
    for name, text in texts.items():
        job, slash, step = name.partition("/")
        if slash and job_key(job) not in known:
            number = re.match(r"\d+", step)
            steps.setdefault(job, []).append((int(number[0]) if number else 0, step, text))
    joined = {job: "".join(_ended(text) for _, _, text in sorted(found)) for job, found in steps.items()}
    return whole | joined


def _without_number(name: str) -> str:
    return re.sub(r"^-?\d+_", "", name).removesuffix(".txt")


def _ended(text: str) -> str:
    return text if text.endswith("\n") or not text else text + "\n"


def _too_much(path: Path, seen: str, expected: str) -> RefusedError:
    return RefusedError(
        Problem(
            f"The log archive {path.name} holds {seen}",
            expected,
            "read the logs in the browser; the release itself is not affected",
        )
    )
