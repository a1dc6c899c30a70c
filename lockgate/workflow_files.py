"""A GitHub workflow file as a value: its triggers, jobs and steps.

Only what a release looks at is kept. Everything is text, as written: YAML's own guesses would turn `on` into a truth
value and `3.10` into a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from lockgate.documents import DocumentError, read_yaml
from lockgate.errors import refused
from lockgate.workflow_patterns import as_list

FOLDER = ".github/workflows"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job."""

    name: str
    uses: str
    run: str
    inputs: Mapping[str, str]
    env: Mapping[str, str]
    condition: str
    may_fail: str


@dataclass(frozen=True, slots=True)
class Job:
    """One job; `permissions` is None where the job has none of its own, `uses` names a called workflow."""

    id: str
    name: str
    condition: str
    needs: tuple[str, ...]
    permissions: Mapping[str, str] | str | None
    environment: str
    runs_on: str
    uses: str
    passes: Mapping[str, str]
    env: Mapping[str, str]
    may_fail: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow file; `triggers` maps an event's name to its filters."""

    path: str
    name: str
    triggers: Mapping[str, Mapping[str, Any]]
    permissions: Mapping[str, str] | str | None
    env: Mapping[str, str]
    jobs: Mapping[str, Job]
    text: str = field(repr=False)

    @property
    def file(self) -> str:
        """The file's name, which is what a Trusted Publisher is registered with."""
        return PurePosixPath(self.path).name

    def may_write(self, job: Job, what: str) -> bool | None:
        """Whether the token of a job's run may write this (`contents`, `id-token`); None where only the repository's default says.

        A job's permissions replace the workflow's, and what they leave out is none (GitHub's workflow syntax, `permissions`).
        """
        granted = job.permissions if job.permissions is not None else self.permissions
        if granted is None:
            return None
        return granted.get(what) == "write" if isinstance(granted, Mapping) else granted == "write-all"


def is_workflow_path(path: str) -> bool:
    """Whether GitHub takes a repository path for a workflow: `.yml` or `.yaml`, directly in the folder."""
    parts = PurePosixPath(path)
    return str(parts.parent) == FOLDER and parts.suffix in {".yml", ".yaml"}


def read_workflow(path: str, text: str) -> Workflow:
    """The workflow in this text; raises RefusedError when it is not YAML or has no jobs."""
    document = _load(path, text)
    jobs = document.get("jobs")
    if not isinstance(jobs, dict) or not jobs:
        raise refused(
            f"{path} has no jobs",
            "a mapping with `on` and `jobs`, as GitHub's workflow syntax asks",
            f"correct or remove {path}",
        )
    return Workflow(
        path=path,
        name=_text(document.get("name")) or path,
        triggers=_triggers(document.get("on")),
        permissions=_permissions(document),
        env=_texts(document.get("env")),
        jobs={str(key): _job(str(key), value) for key, value in jobs.items() if isinstance(value, dict)},
        text=text,
    )


def pinned_version(workflow: Workflow, uses: str) -> str:
    """The version of an action: its ref, or the comment behind a commit (`# v1.2.3`); "" when neither tells."""
    ref = uses.partition("@")[2]
    if not re.fullmatch(r"[0-9a-f]{40}", ref):
        return ref
    comment = re.search(re.escape(uses) + r"""["']?\s*#[^\n]*?(v?\d+(?:\.\d+)+|release/v\d+)""", workflow.text)
    return comment.group(1) if comment else ""


def _load(path: str, text: str) -> dict[Any, Any]:
    try:
        document = read_yaml(text)
    except DocumentError as error:
        raise refused(
            f"{path} cannot be read as YAML: {error}", "a workflow that GitHub can read", f"correct {path}"
        ) from error
    if not isinstance(document, dict):
        raise refused(f"{path} is no mapping", "a mapping with `on` and `jobs`", f"correct or remove {path}")
    return document


def _job(name: str, value: Mapping[str, Any]) -> Job:
    steps = value.get("steps")
    return Job(
        id=name,
        name=_text(value.get("name")) or name,
        condition=_condition(value),
        needs=as_list(value.get("needs")),
        permissions=_permissions(value),
        environment=_environment(value.get("environment")),
        runs_on=_text(value.get("runs-on")),
        uses=_text(value.get("uses")),
        passes={**_texts(value.get("with")), **_texts(value.get("secrets"))},
        env=_texts(value.get("env")),
        may_fail=_text(value.get("continue-on-error")),
        steps=tuple(_step(step) for step in steps if isinstance(step, dict)) if isinstance(steps, list) else (),
    )


def _step(value: Mapping[str, Any]) -> Step:
    return Step(
        name=_text(value.get("name")),
        uses=_text(value.get("uses")).strip(),
        run=_text(value.get("run")),
        inputs={key.lower(): text for key, text in _texts(value.get("with")).items()},
        env=_texts(value.get("env")),
        condition=_condition(value),
        may_fail=_text(value.get("continue-on-error")),
    )


def _triggers(value: Any) -> dict[str, Mapping[str, Any]]:
    if isinstance(value, dict):
        return {str(key): filters if isinstance(filters, dict) else {} for key, filters in value.items()}
    return {name: {} for name in as_list(value)}


def _permissions(value: Mapping[str, Any]) -> Mapping[str, str] | str | None:
    if "permissions" not in value:
        return None
    found = value["permissions"]
    return _texts(found) if isinstance(found, dict) else _text(found)


def _environment(value: Any) -> str:
    return _text(value.get("name") if isinstance(value, dict) else value)


def _condition(value: Mapping[str, Any]) -> str:
    found = _text(value.get("if"))
    return found if found.strip() else ""


def _texts(value: Any) -> dict[str, str]:
    return {str(key): text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
