"""Building: an sdist and a wheel from a clean export, and a look at what came of it.

Backends run in isolation and in a child process (`clients.build_worker`), with the variables cleaned and the output
captured. What was built is never imported here. The rules for it are in `lockgate.artifacts`.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from packaging.version import Version

from clients.process import Completed, run
from clients.project_code import run_project
from lockgate.artifacts import Artifact, ArtifactContents, ContainedFile, kind_of
from lockgate.errors import LockgateError, Problem, RefusedError, refused, unavailable
from lockgate.isolation import Rights

WORKER = Path(__file__).with_name("build_worker.py")
BUILD_TIMEOUT_SECONDS = 1800.0
TRIAL_TIMEOUT_SECONDS = 900.0
METADATA_LIMIT_BYTES = 16 * 1024 * 1024
SHOWN_LINES = 30
_TRIAL = """
import importlib, importlib.metadata, json, sys, traceback
_, answer, project, *names = sys.argv
told = {"installed": importlib.metadata.version(project), "failed": {}, "said": {}}
for name in names:
    try:
        module = importlib.import_module(name)
        if isinstance(getattr(module, "__version__", None), str):
            told["said"][name] = module.__version__
    except BaseException:
        told["failed"][name] = traceback.format_exc(limit=-3)
with open(answer, "w") as file:
    json.dump(told, file)
"""
_NETWORK = re.compile(
    r"Connection(Error| refused| reset)|NewConnection|\bnetwork\b|\btimed out\b|Temporary failure|dns error|\btls\b"
    r"|SSLError|error sending request|Could not fetch URL|Failed to fetch"
    r"|(status|error)[^\n]{0,20}\b(429|5\d\d)\b|\b(429|5\d\d) (Client|Server) Error",
    re.IGNORECASE,
)
_UNSATISFIABLE = re.compile(
    r"No solution found|No matching distribution found|ResolutionImpossible|Failed to build|metadata-generation-failed"
    r"|InvalidRequirement|Invalid requirement|Failed to parse|not a supported wheel|requires a different Python"
)


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made: the files, every package (name==version) that took part, and the whole log."""

    artifacts: tuple[Artifact, ...]
    requirements: tuple[str, ...]
    log: str


def build_artifacts(
    source: Path,
    out: Path,
    *,
    environment: Mapping[str, str],
    epoch: int | None,
    rights: Rights = Rights(),  # noqa: B008 - a frozen value
    reads: Sequence[Path] = (),
    on_line: Callable[[str], None] | None = None,
    timeout: float = BUILD_TIMEOUT_SECONDS,
) -> Built:
    """Build the sdist of `source` into `out`, and the wheel from that sdist, in isolated environments.

    `environment` is added to the variables (a version for scm-versioned projects), `epoch` becomes SOURCE_DATE_EPOCH in
    seconds; None leaves the dates to the backend. `source` must be a clean export: leftovers change what setuptools
    builds; `reads` is what it borrows from elsewhere. Raises RefusedError when the project or its backend fails,
    UnavailableError when the build requirements cannot be downloaded; with the log's end.
    """
    source, out = source.resolve(), out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".building-") as folder:
        variables = {**_reproducible(epoch), **environment}
        request = _write_request(Path(folder), source)
        command = [sys.executable, "-I", "-u", str(WORKER), str(request)]
        done = run_project(
            command, cwd=source, timeout=timeout, rights=rights, writes=[Path(folder)], reads=[WORKER, *reads],
            environment=variables, on_line=on_line,
        )  # fmt: skip
        answer = _read_answer(Path(folder) / "answer.json")
        if answer.get("stage") != "done" or not done.ok:
            raise _explain(done, answer, timeout)
        artifacts = tuple(_move(Path(folder) / "dist" / answer[kind], out) for kind in ("sdist", "wheel"))
    return Built(artifacts, tuple(answer["requirements"]), done.output)


def describe_artifact(path: Path) -> Artifact:
    """Name, sha256, size and kind of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Artifact(path.name, digest, path.stat().st_size, kind_of(path.name))


def inspect_artifact(path: Path) -> ArtifactContents:
    """Read an artifact's metadata, entry points and list of files; refuses a file that is no readable archive."""
    try:
        read = _read_wheel if kind_of(path.name) == "wheel" else _read_sdist
        return read(path)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, UnicodeDecodeError, configparser.Error) as err:
        kind = kind_of(path.name)
        raise refused(f"{path.name} cannot be read as a {kind}: {err}", "a complete archive", "Build again") from err


def check_rendering(paths: Sequence[Path]) -> tuple[Problem, ...]:
    """What `twine check` says against these files: a README that the index cannot render, metadata it cannot read."""
    if not paths or _twine_check(paths).ok:
        return ()
    return tuple(problem for path in paths if (problem := _check_one_rendering(path)))


def _check_one_rendering(path: Path) -> Problem | None:
    done = _twine_check([path])
    if done.ok:
        return None
    words = " ".join(done.output.replace(str(path.resolve()), path.name).split())
    return Problem(
        f"twine check refuses {path.name}: {words}",
        "a README that renders on the index",
        "Correct the README, or its content type in pyproject.toml",
    )


def _twine_check(paths: Sequence[Path]) -> Completed:
    files = [str(path.resolve()) for path in paths]
    looks = {"COLUMNS": "500", "TERM": "dumb", "NO_COLOR": "1"}
    command = [sys.executable, "-I", "-m", "twine", "check", "--", *files]
    return run(command, cwd=paths[0].resolve().parent, timeout=120, environment=looks)


def try_wheel(
    wheel: Path,
    import_names: Sequence[str],
    version: Version,
    *,
    project: str,
    rights: Rights = Rights(),  # noqa: B008 - a frozen value
    on_line: Callable[[str], None] | None = None,
    timeout: float = TRIAL_TIMEOUT_SECONDS,
) -> tuple[Problem, ...]:
    """Install a wheel into a new environment and import `import_names`; returns everything that goes wrong.

    Compares the installed version, and a `__version__` that a module gives, with `version`. Each of the three stages
    may take `timeout` seconds. Raises UnavailableError when the dependencies cannot be downloaded.
    """
    with tempfile.TemporaryDirectory(prefix="trial-") as name:
        folder = Path(name)
        python = _make_environment(folder / "env", timeout)
        confined = partial(
            run_project, cwd=folder, timeout=timeout, rights=rights, reads=[wheel.resolve()], on_line=on_line
        )
        done = _install(python, wheel.resolve(), confined)
        if not done.ok:
            error = explain_installation(f"Installing {wheel.name} into a new environment", done)
            return _problems_or_raise(error)
        command = [str(python), "-I", "-c", _TRIAL, str(folder / "answer.json"), project, *import_names]
        done = confined(command)
        return _judge_trial(wheel.name, done, _read_answer(folder / "answer.json"), version)


def explain_installation(what: str, done: Completed) -> LockgateError:
    """The error for an installation that failed: unavailable when the network did, refused when the answer is no.

    What is neither known counts as unavailable: it is tried again a few times, and then a person sees the log.
    """
    words = f"{what} failed; the log ends with:\n{done.last_lines(SHOWN_LINES)}\n"
    if _UNSATISFIABLE.search(done.output) and not _NETWORK.search(done.output):
        return refused(words, "requirements that exist and fit together", "Correct the requirements in pyproject.toml")
    return unavailable(words, "requirements that can be downloaded", "Check the network and the index, then try again")


def _write_request(folder: Path, source: Path) -> Path:
    out = folder / "dist"
    out.mkdir()
    request = folder / "request.json"
    answer = folder / "answer.json"
    asked = {"source": str(source), "out": str(out), "answer": str(answer)}
    request.write_text(json.dumps(asked))
    return request


def _reproducible(epoch: int | None) -> dict[str, str]:
    """What makes two builds alike: reproducible-builds.org/docs/source-date-epoch, time zone, hash order, language."""
    dated = {} if epoch is None else {"SOURCE_DATE_EPOCH": str(epoch)}
    return {**dated, "TZ": "UTC", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}


def _read_answer(path: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return answer


def _explain(done: Completed, answer: Mapping[str, Any], timeout: float) -> LockgateError:
    installing = answer.get("stage") == "requirements"
    if installing and not done.timed_out:
        return explain_installation("Installing the build requirements", done)
    log = f"the log ends with:\n{done.last_lines(SHOWN_LINES)}\n"
    if installing:
        words = f"The build requirements were not installed within {timeout:.0f} s; {log}"
        return unavailable(words, "a download that ends", "Check the network and the index, then try again")
    why = (
        f"was not finished after {timeout:.0f} s" if done.timed_out else f"failed ({answer.get('why') or 'no reason'})"
    )
    return refused(f"The build {why}; {log}", "an sdist, and a wheel built from it", "Correct the project, build again")


def _move(path: Path, out: Path) -> Artifact:
    kept = out / path.name
    os.replace(path, kept)  # noqa: PTH105 - the atomic form, also over a file of an earlier attempt
    return describe_artifact(kept)


def _read_wheel(path: Path) -> ArtifactContents:
    with zipfile.ZipFile(path) as archive:
        files = tuple(ContainedFile(info.filename, info.file_size) for info in archive.infolist() if not info.is_dir())
        metadata = _read_member(archive, "METADATA")
        entry_points = _entry_points(_read_member(archive, "entry_points.txt"))
    return ArtifactContents(describe_artifact(path), metadata, files, entry_points)


def _read_member(archive: zipfile.ZipFile, name: str) -> str:
    """The text of `name` in the wheel's metadata folder, "" when it is not there."""
    found = [i for i in archive.infolist() if i.filename.count("/") == 1 and i.filename.endswith(f".dist-info/{name}")]
    if not found:
        return ""
    if found[0].file_size > METADATA_LIMIT_BYTES:
        raise zipfile.BadZipFile(f"{found[0].filename} unpacks to {found[0].file_size} bytes")
    return archive.read(found[0]).decode()


def _read_sdist(path: Path) -> ArtifactContents:
    metadata = ""
    with tarfile.open(path) as archive:
        members = [member for member in archive.getmembers() if not member.isdir()]
        for member in members:
            if member.name.count("/") == 1 and member.name.endswith("/PKG-INFO") and member.isfile():
                file = archive.extractfile(member)
                metadata = file.read(METADATA_LIMIT_BYTES).decode() if file else ""
    files = tuple(ContainedFile(member.name, member.size) for member in members)
    return ArtifactContents(describe_artifact(path), metadata, files)


def _entry_points(text: str) -> tuple[str, ...]:
    """Lines "group: name = object" of an entry_points.txt (packaging.python.org/specifications/entry-points)."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(text)
    return tuple(f"{group}: {name} = {value}" for group in parser.sections() for name, value in parser[group].items())


def _uv() -> str | None:
    try:
        import uv  # late: an optional installer

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


def _make_environment(folder: Path, timeout: float) -> Path:
    """A new environment of the running Python; it has no pip, and is installed into from outside."""
    command = [sys.executable, "-I", "-m", "venv", "--without-pip", str(folder)]
    done = run(command, cwd=folder.parent, timeout=timeout)
    if not done.ok:
        raise explain_installation("Making a new environment", done)
    return folder / "bin" / "python"


def _install(python: Path, wheel: Path, confined: Callable[[Sequence[str]], Completed]) -> Completed:
    """Install with uv; where that fails, or is missing, with pip, which reads pip's own configuration."""
    said = ""
    if uv := _uv():
        command = [uv, "pip", "install", "--python", str(python), str(wheel)]
        done = confined(command)
        if done.ok:
            return done
        said = f"{done.output}\nuv could not install it, trying pip\n"
    command = [sys.executable, "-Im", "pip", "--python", str(python), "install", "--no-input", str(wheel)]
    done = confined(command)
    return replace(done, output=said + done.output)


def _problems_or_raise(error: LockgateError) -> tuple[Problem, ...]:
    """A refused installation is a finding about the wheel; an outage says nothing about it."""
    if isinstance(error, RefusedError):
        return error.problems
    raise error


def _judge_trial(name: str, done: Completed, answer: Mapping[str, Any], version: Version) -> tuple[Problem, ...]:
    if not answer:
        how = "did not end in time" if done.timed_out else f"ended with exit code {done.returncode}"
        words = f"Importing what {name} installs {how}; the output ends with:\n{done.last_lines(SHOWN_LINES)}\n"
        return (Problem(words, "modules that can be imported", "Correct them"),)
    problems = [
        Problem(f"{name} is installed, but `import {module}` fails:\n{trace}", "an import that works", "Correct it")
        for module, trace in answer["failed"].items()
    ]
    said = {"the installed metadata": answer["installed"]}
    said |= {f"{module}.__version__": text for module, text in answer["said"].items()}
    for where, text in said.items():
        if not _same_version(text, version):
            problems.append(Problem(f"{name}: {where} says {text!r}", str(version), "Correct where it comes from"))
    return tuple(problems)


def _same_version(text: str, version: Version) -> bool:
    try:
        return Version(text) == version
    except ValueError:
        return False
