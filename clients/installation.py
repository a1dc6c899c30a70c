"""Installs a released package from the index as a user would: by name, into a new environment.

Only that package, only from that index, and only the very bytes that were built: the proof that a release can be used,
after the digests proved that it is the right one.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.tags import sys_tags
from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import Version

from clients.process import Completed
from clients.project_code import run_project
from lockgate.errors import NotVisibleError, Problem, RefusedError, UnavailableError
from lockgate.isolation import Rights
from lockgate.publication import BuiltFile, installable_wheel

# What a person's configuration would add: other places to find the package, or limits on what is found.
PLAIN_CONFIGURATION = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_CONSTRAINT": "",
    "PIP_NO_INDEX": "",
    "UV_NO_CONFIG": "1",
    "UV_INDEX": "",
    "UV_EXTRA_INDEX_URL": "",
    "UV_FIND_LINKS": "",
    "UV_CONSTRAINT": "",
    "UV_OVERRIDE": "",
    "UV_NO_INDEX": "",
}
OTHER_BYTES = re.compile(r"hash mismatch|do not match the hashes", re.IGNORECASE)
OTHER_PYTHON = re.compile(
    r"requires-python|requires python|does not satisfy python|current python version", re.IGNORECASE
)
NOT_FOUND = re.compile(
    r"no solution found|was not found in the package registry|no matching distribution|could not find a version|"
    r"there is no version of",
    re.IGNORECASE,
)
NO_ANSWER = re.compile(
    r"failed to fetch|error sending request|connection (?:error|refused|reset)|newconnectionerror|timed out|"
    r"max retries exceeded|HTTP status (?:client|server) error|HTTP error (?:429|5\d\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Installation:
    """How it went: the wheel that was installed, or None and in `note` why no wheel can be on this machine."""

    wheel: str | None
    note: str
    output: str


def install_release(
    index: str,
    project: str,
    version: Version | str,
    built: Sequence[BuiltFile],
    *,
    timeout: float = 300.0,
    installer: Literal["uv", "pip"] | None = None,
    rights: Rights = Rights(),  # noqa: B008 - a frozen value
    on_line: Callable[[str], None] | None = None,
) -> Installation:
    """Install `project` in `version` from `index` into a new environment, by uv where it is there, else by pip.

    `timeout` is in seconds, for each command. The wheel must have the sha256 of the built one. Dependencies are left
    out: they are not this release's. Raises NotVisibleError when installers do not find it yet, UnavailableError when
    the index does not answer, RefusedError when it hands out other bytes, cannot be installed, or reports another
    version.
    """
    name = installable_wheel([file.name for file in built], list(sys_tags()))
    if name is None:
        return Installation(None, "No wheel of this release fits this machine, so none was installed.", "")
    digest = next(file.sha256 for file in built if file.name == name)
    with tempfile.TemporaryDirectory(prefix="lockgate-") as text:
        folder = Path(text)
        wanted = f"{project}=={version} --hash=sha256:{digest}\n"
        (folder / "requirements.txt").write_text(wanted, encoding="utf-8")
        python, *commands = _commands(folder, index, installer or ("uv" if importlib.util.find_spec("uv") else "pip"))
        output = ""
        for command in commands:
            done = run_project(
                command, cwd=folder, timeout=timeout, rights=rights, environment=PLAIN_CONFIGURATION, on_line=on_line
            )
            output += done.output
            if not done.ok:
                return _explain(done, f"{project} {version}", name, index)
        _check_version(python, folder, project, version, rights)
    return Installation(name, "", output)


def _commands(folder: Path, index: str, installer: str) -> tuple[str, list[str], list[str]]:
    """The new environment's Python, and the two commands that make the environment and install into it."""
    environment = folder / "environment"
    python = str(environment / "bin" / "python")
    options = [
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--index-url",
        index,
        "-r",
        "requirements.txt",
    ]
    if installer == "uv":
        uv = [sys.executable, "-m", "uv"]
        make = [*uv, "venv", "--no-project", "--python", sys.executable, str(environment)]
        # No cache: a page kept from before the release would hide it.
        return python, make, [*uv, "pip", "install", "--no-cache", "--python", python, *options]
    make = [sys.executable, "-m", "venv", str(environment)]
    return python, make, [python, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", *options]


def _explain(done: Completed, release: str, wheel: str, index: str) -> Installation:
    said = done.last_lines()
    if done.timed_out:
        raise UnavailableError(_problem(f"Installing {release} from {index} was not done in time: {said}", "try again"))
    if OTHER_BYTES.search(done.output):
        seen = f"{index} handed an installer other bytes for {wheel} than were built: {said}"
        raise RefusedError(_problem(seen, "do not announce this release: yank it and find out who uploaded the file"))
    if NO_ANSWER.search(done.output):
        raise UnavailableError(_problem(f"{index} did not answer an installer: {said}", "nothing: it is tried again"))
    if OTHER_PYTHON.search(done.output):
        return Installation(None, f"{release} is not for this machine's Python, so it was not installed.", done.output)
    if NOT_FOUND.search(done.output):
        seen = f"An installer does not find {release} on {index}: {said}"
        raise NotVisibleError(_problem(seen, "wait: an index may take minutes to show a release to installers"))
    seen = f"Installing {release} from {index} failed: {said}"
    raise RefusedError(
        _problem(seen, "install it by hand; if it cannot be installed, yank it and release a new version")
    )


def _check_version(python: str, folder: Path, project: str, version: Version | str, rights: Rights) -> None:
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    command = [python, "-I", "-c", code, canonicalize_name(project)]
    done = run_project(command, cwd=folder, timeout=60.0, rights=rights)
    if not done.ok or canonicalize_version(done.output.strip()) != canonicalize_version(str(version)):
        seen = f"{project} says after its installation that it is version {done.output.strip()!r}, not {version}"
        raise RefusedError(_problem(seen, "yank the release and find out how it was built"))


def _problem(seen: str, after: str) -> Problem:
    return Problem(seen, "the released package, installed from the index with exactly the built bytes", after)
