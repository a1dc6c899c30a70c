"""Two checkers of GitHub workflows, run as child processes and offline: check-jsonschema and zizmor.

The schema finds misspelt keys, which zizmor does not; zizmor finds weaknesses, which are no error of form.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from clients.process import OUTPUT_LIMIT_BYTES, Completed, run
from lockgate.documents import read_json
from lockgate.errors import Problem, refused, unavailable
from lockgate.workflow_files import FOLDER, is_workflow_path

TIMEOUT_SECONDS = 60.0
# Exit codes of zizmor ("Usage" in its documentation): an error while auditing, and no file that could be audited.
_CANNOT_READ = {1, 3}


def check(files: Mapping[str, str]) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """What `check_schema` and `audit` find, side by side; for the same texts they are asked once. Raises as they do."""
    return _kept_findings(tuple(sorted(files.items())))


@lru_cache(maxsize=32)
def _kept_findings(files: tuple[tuple[str, str], ...]) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        broken, weak = pool.submit(check_schema, dict(files)), pool.submit(audit, dict(files))
        return broken.result(), weak.result()


def check_schema(files: Mapping[str, str]) -> tuple[Problem, ...]:
    """What breaks the syntax of GitHub's workflows in these files (repository path to text); empty when nothing does.

    Uses the schema that check-jsonschema ships. Raises RefusedError for a path that is no workflow's or when the
    checker fails, UnavailableError when it does not end in time.
    """
    if not files:
        return ()
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", "-o", "json"]
    with _written(files) as (folder, paths):
        completed = run([*command, *paths], cwd=folder, timeout=TIMEOUT_SECONDS)
    report = _answer("check-jsonschema", completed)
    if not isinstance(report, dict):
        raise _no_answer("check-jsonschema", completed)
    found = [*report.get("parse_errors", ()), *report.get("errors", ())]
    return tuple(_schema_problem(error) for error in found)


def audit(files: Mapping[str, str]) -> tuple[str, ...]:
    """The findings of zizmor in these files, one sentence each: severity, place, what it is, where to read on.

    Only what comments in the files mark as ignored is left out; no configuration is read. That zizmor cannot read
    a file is a finding too. Raises RefusedError for a path that is no workflow's or when zizmor is not installed,
    UnavailableError when it does not end in time.
    """
    if not files:
        return ()
    options = ["--offline", "--no-progress", "--quiet", "--no-config", "--color", "never", "--format", "json"]
    with _written(files) as (folder, paths):
        completed = run([_program("zizmor"), *options, *paths], cwd=folder, timeout=TIMEOUT_SECONDS)
    if completed.returncode in _CANNOT_READ and not completed.timed_out:
        said = " ".join(completed.output.partition("\n\n")[0].split()) or "no output"
        return (f"{', '.join(paths)}: zizmor could not read it: {said}",)
    findings = _answer("zizmor", completed)
    if not isinstance(findings, list):
        raise _no_answer("zizmor", completed)
    return tuple(_sentence(finding) for finding in findings if not finding["ignored"])


@contextmanager
def _written(files: Mapping[str, str]) -> Iterator[tuple[Path, Sequence[str]]]:
    strange = [path for path in files if not is_workflow_path(path) or PurePosixPath(path).name.startswith("-")]
    if strange:
        raise refused(
            f"{strange[0]!r} is no path of a workflow",
            f"files directly in {FOLDER}, ending in .yml or .yaml",
            "rename it",
        )
    with TemporaryDirectory(prefix="lockgate-") as name:
        folder = Path(name)
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        yield folder, sorted(files)


def _program(name: str) -> str:
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise refused(
            f"{name} is not installed beside {sys.executable}",
            "the checkers that Lockgate depends on",
            f"install it with `pip install {name}`",
        )
    return found


def _answer(name: str, completed: Completed) -> Any:
    try:
        return read_json(completed.output, OUTPUT_LIMIT_BYTES)
    except ValueError as error:
        raise _no_answer(name, completed) from error


def _no_answer(name: str, completed: Completed) -> Exception:
    kind = unavailable if completed.timed_out else refused
    ending = (
        f"did not end within {TIMEOUT_SECONDS:g} s" if completed.timed_out else f"ended with {completed.returncode}"
    )
    return kind(
        f"{name} {ending}: {completed.last_lines(3) or 'no output'}",
        "its findings as JSON",
        f"run {name} by hand on the workflow to see what is wrong, or install it again",
    )


def _schema_problem(error: Mapping[str, Any]) -> Problem:
    best = error.get("best_deep_match") or error.get("best_match") or error
    place = str(best.get("path", "")).removeprefix("$").removeprefix(".")
    where = f"{error['filename']} at {place}" if place else str(error["filename"])
    return Problem(
        f"{where}: {best['message']}",
        "GitHub's workflow syntax, as the schema of check-jsonschema has it",
        "correct the key or value at that place",
    )


def _sentence(finding: Mapping[str, Any]) -> str:
    rating = finding["determinations"]
    return f"{_place(finding)}: {finding['desc']} ({rating['severity'].lower()} severity, {finding['url']})"


def _place(finding: Mapping[str, Any]) -> str:
    locations = sorted(finding["locations"], key=lambda location: location["symbolic"]["kind"] != "Primary")
    for location in locations:
        key = location["symbolic"]["key"].get("Local", {})
        path = key.get("verbatim_path") or key.get("given_path")
        if path:
            return f"{path}:{location['concrete']['location']['start_point']['row'] + 1}"
    return "a workflow"
