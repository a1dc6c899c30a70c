"""The inputs that a workflow asks for when it is started by hand, and the values that the settings give them.

Source: "on.workflow_dispatch.inputs" in GitHub's workflow syntax; GitHub refuses a dispatch with other inputs than those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lockgate.errors import Problem
from lockgate.placeholders import fill
from lockgate.workflow_files import Workflow
from lockgate.workflow_patterns import as_list

_KEY = "dispatch-inputs"
_NEXT = f"correct `{_KEY}` under [tool.lockgate] in pyproject.toml"


def fill_inputs(given: Mapping[str, str], *, version: str, tag: str) -> dict[str, str]:
    """The configured values with the version and the tag in the places of `{version}` and `{tag}`."""
    return {name: fill(value, version=version, tag=tag) for name, value in given.items()}


def declared_inputs(workflow: Workflow) -> dict[str, Mapping[str, Any]]:
    """The inputs of `workflow_dispatch`, by name, as the file describes them; none where it cannot be started by hand."""
    asked = workflow.triggers.get("workflow_dispatch", {}).get("inputs")
    described = asked.items() if isinstance(asked, dict) else ()
    return {str(name): value if isinstance(value, dict) else {} for name, value in described}


def missing_inputs(workflow: Workflow, given: Mapping[str, str]) -> tuple[str, ...]:
    """The names of required inputs that have neither a default nor a configured value."""
    return tuple(
        name
        for name, described in declared_inputs(workflow).items()
        if described.get("required") == "true" and "default" not in described and name not in given
    )


def input_values(workflow: Workflow, given: Mapping[str, str]) -> dict[str, str | bool]:
    """What the run's `inputs` context will hold, names in lower case: configured values, else defaults; booleans as such."""
    values: dict[str, str | bool] = {}
    for name, described in declared_inputs(workflow).items():
        default = described.get("default")
        value = given.get(name, default if isinstance(default, str) else "")
        values[name.lower()] = value == "true" if described.get("type") == "boolean" else value
    return values


def check_inputs(workflow: Workflow, given: Mapping[str, str]) -> tuple[Problem, ...]:
    """Everything for which GitHub would refuse a dispatch with these inputs; empty when none are configured."""
    if not given:
        return ()
    declared = declared_inputs(workflow)
    names = ", ".join(declared) or "none"
    problems = [
        Problem(f"{_KEY} names {name!r}, which {workflow.path} does not ask for", f"one of its inputs: {names}", _NEXT)
        for name in given
        if name not in declared
    ]
    problems += [
        Problem(f"{workflow.path} requires the input {name!r}, and {_KEY} gives none", "a value, or a default", _NEXT)
        for name in missing_inputs(workflow, given)
    ]
    for name, value in given.items():
        allowed = _allowed(declared.get(name, {}))
        if allowed and value not in allowed:
            seen = f"{_KEY} gives {value!r} for the input {name!r} of {workflow.path}"
            problems.append(Problem(seen, f"one of {', '.join(allowed)}", _NEXT))
    return tuple(problems)


def _allowed(described: Mapping[str, Any]) -> tuple[str, ...]:
    if described.get("type") == "boolean":
        return ("true", "false")
    return as_list(described.get("options")) if described.get("type") == "choice" else ()
