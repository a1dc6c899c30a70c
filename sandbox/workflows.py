"""Workflow files: what their `on:` matches and which jobs they hold. Pure; no state, no clock.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import yaml

from sandbox.state import JSON

SKIP_TEXTS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")
RELEASE_TYPES = ("published", "unpublished", "created", "edited", "deleted", "prereleased", "released")


@dataclass(frozen=True)
class Event:
    """What happened: name, the full ref, the commit, the activity type, changed files, and the inputs of a dispatch."""

    name: str
    ref: str
    sha: str
    activity: str = ""
    inputs: JSON = field(default_factory=dict)
    changed: tuple[str, ...] | None = None
    payload: JSON = field(default_factory=dict)


@dataclass(frozen=True)
class Workflow:
    """One parsed workflow file."""

    path: str
    name: str
    triggers: JSON
    jobs: JSON
    permissions: Any = None


class BrokenWorkflowError(ValueError):
    """The file is no workflow; GitHub makes a failed run without jobs of it."""


def parse_workflow(path: str, text: str) -> Workflow:
    """Read a workflow file; raises BrokenWorkflowError for what GitHub would not take."""
    try:
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise BrokenWorkflowError(f"{path}: {error}") from error
    if not isinstance(document, dict) or "on" not in document or not isinstance(document.get("jobs"), dict):
        raise BrokenWorkflowError(f"{path}: a workflow needs `on` and `jobs`")
    broken = [key for key, job in document["jobs"].items() if not isinstance(job, dict)]
    if broken or not document["jobs"]:
        raise BrokenWorkflowError(f"{path}: no job, or a job that is no mapping: {broken}")
    name = document.get("name") or path
    return Workflow(path, str(name), _triggers(document["on"]), document["jobs"], document.get("permissions"))


def _triggers(on: Any) -> JSON:
    if isinstance(on, str):
        return {on: {}}
    if isinstance(on, list):
        return {str(name): {} for name in on}
    if isinstance(on, dict):
        return {name: value if isinstance(value, dict) else {} for name, value in on.items()}
    raise BrokenWorkflowError(f"`on` is neither a name, a list nor a mapping: {on!r}")


def as_list(value: Any) -> list[str]:
    """A workflow value that may be one text or a list of them."""
    if value in (None, ""):
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def matches(workflow: Workflow, event: Event) -> bool:
    """Whether the event starts the workflow, by the filters of its `on:`."""
    if event.name not in workflow.triggers:
        return False
    filters = workflow.triggers[event.name]
    if event.name == "push":
        return _push_matches(filters, event)
    if event.name == "release":
        return event.activity in (as_list(filters.get("types")) or RELEASE_TYPES)
    return True


def _push_matches(filters: JSON, event: Event) -> bool:
    kind, other = ("tags", "branches") if event.ref.startswith("refs/tags/") else ("branches", "tags")
    name = event.ref.split("/", 2)[2]
    mine = [key for key in (kind, f"{kind}-ignore") if key in filters]
    if not mine and any(key in filters for key in (other, f"{other}-ignore")):
        return False
    if kind in filters and not glob_matches(as_list(filters[kind]), name):
        return False
    if f"{kind}-ignore" in filters and glob_matches(as_list(filters[f"{kind}-ignore"]), name):
        return False
    return kind == "tags" or _paths_match(filters, event.changed)


def _paths_match(filters: JSON, changed: Sequence[str] | None) -> bool:
    if changed is None:
        return True
    if "paths" in filters and not any(glob_matches(as_list(filters["paths"]), path) for path in changed):
        return False
    ignored = as_list(filters.get("paths-ignore"))
    return not ignored or not all(glob_matches(ignored, path) for path in changed)


def glob_matches(patterns: Sequence[str], name: str) -> bool:
    """Whether the patterns, in order, end up with the name: `!` takes it out again.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
    """
    matched = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if re.fullmatch(_glob_expression(pattern[1:] if negated else pattern), name):
            matched = not negated
    return matched


def _glob_expression(pattern: str) -> str:
    """`*` stays inside one part, `**` does not; `?` and `+` repeat the character before them; `[]` is a class."""
    tokens = re.findall(r"\*\*/|\*\*|\*|\[[^]]*\]|\\.|[?+]|.", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "?", "+": "+"}
    kept = ("[", "\\")
    return "".join(words.get(token) or (token if token.startswith(kept) else re.escape(token)) for token in tokens)


def is_skipped(message: str) -> bool:
    """Whether the commit message asks for no push runs.

    https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
    """
    lowered = message.lower()
    trailer = re.search(r"\n\n?skip-checks:\s*true\s*$", lowered)
    return trailer is not None or any(text in lowered for text in SKIP_TEXTS)


def steps_of(job: JSON) -> list[JSON]:
    """The steps of a job that are mappings."""
    return [step for step in job.get("steps", []) if isinstance(step, dict)]


def options_of(step: JSON) -> JSON:
    """The `with:` of a step."""
    options = step.get("with")
    return options if isinstance(options, dict) else {}


def environment_of(job: JSON) -> str:
    """The name of the job's environment, empty when it has none."""
    environment = job.get("environment") or ""
    return str(environment.get("name", "")) if isinstance(environment, dict) else str(environment)


def may_mint(workflow: Workflow, job: JSON) -> bool:
    """Whether the job's token may ask for an identity: `id-token: write` on the job, else on the workflow."""
    permissions = job.get("permissions", workflow.permissions)
    if isinstance(permissions, dict):
        return str(permissions.get("id-token")) == "write"
    return str(permissions) == "write-all"


def expand(workflow: Workflow, texts: Callable[[str], str | None]) -> Workflow:
    """The workflow with the jobs of the reusable workflows that it calls from its own repository, under `caller / job`.

    https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows
    """
    jobs: JSON = {}
    for key, job in workflow.jobs.items():
        path = str(job.get("uses", ""))
        text = texts(path.removeprefix("./")) if path.startswith("./") else None
        called = parse_workflow(path.removeprefix("./"), text).jobs if text else {}
        inner = {f"{key} / {name}": _called(key, job, called_job, path) for name, called_job in called.items()}
        jobs |= {**inner, key: {**job, "needs": [*as_list(job.get("needs")), *inner]}} if inner else {key: job}
    return replace(workflow, jobs=jobs)


def _called(key: str, caller: JSON, job: JSON, path: str) -> JSON:
    """A called job: behind what its caller needs, with its caller's permissions unless it has its own."""
    needs = [*as_list(caller.get("needs")), *(f"{key} / {need}" for need in as_list(job.get("needs")))]
    inherited: JSON = {name: caller[name] for name in ("permissions", "if") if name in caller}
    return {**inherited, **job, "needs": needs, "called-workflow": path.removeprefix("./")}


def job_order(jobs: JSON) -> list[str]:
    """The job keys with every job behind those it needs; raises BrokenWorkflowError for a circle or an unknown need."""
    done: list[str] = []
    while len(done) < len(jobs):
        ready = [key for key in jobs if key not in done and set(as_list(jobs[key].get("needs"))) <= set(done)]
        if not ready:
            raise BrokenWorkflowError("The jobs need each other in a circle, or need a job that is not there")
        done += ready
    return done


def file_name(path: str) -> str:
    """The file's own name, which publishers and `actions/workflows/{id}` go by."""
    return PurePosixPath(path).name
