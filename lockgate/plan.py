"""The plan: what every step of a release would do, and everything that stands in the way, known before anything changes."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.errors import LockgateError, Problem, RefusedError, UnavailableError
from lockgate.markdown import code, prose, table
from lockgate.steps import STEPS, step

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step's observations and rules came to.

    `says` is one line; `details` is Markdown; `asks` tells that a person will be asked; `error` is set when the outside
    could not be observed at all.
    """

    step: str
    says: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    details: str = ""
    asks: bool = False
    error: LockgateError | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one release: facts, settings with their origins, and a finding for each step.

    `continues` tells that it was begun before, `anew` why it begins anew all the same, `older` why it would, had nobody chosen
    to go on with the older commit. `release_commit` is the one that it goes on with; `left_out` tells what of main is not in it.
    """

    project: str
    version: str
    previous: str
    tag: str
    repository: str
    branch: str
    commit: str
    settings: tuple[tuple[str, str, str], ...]
    findings: tuple[Finding, ...]
    continues: bool = False
    anew: str = ""
    older: str = ""
    release_commit: str = ""
    left_out: str = ""

    @property
    def course(self) -> str:
        """What becomes of an earlier start's work, in sentences; "" for a release that is begun for the first time."""
        if self.anew:
            return f"This release was begun before; it begins anew from {self.branch}: {self.anew}."
        if not self.continues:
            return ""
        commit = f", with its release commit {self.release_commit[:12]}" if self.release_commit else ""
        chosen = f" Somebody chose that although {self.older}." if self.older else ""
        left_out = f" {self.left_out}" if self.left_out else ""
        return f"This release was begun before; it goes on where it was{commit}.{chosen}{left_out}"

    @property
    def problems(self) -> tuple[tuple[str, Problem], ...]:
        """Every problem with the key of its step, in the order of the steps."""
        return tuple((one.step, problem) for one in self.findings for problem in one.problems)

    @property
    def outages(self) -> tuple[tuple[str, Problem], ...]:
        """What of the outside could not be looked at, with the key of the step that wanted to."""
        return tuple((one.step, problem) for one in self.findings if one.error for problem in one.error.problems)

    def reach(self) -> None:
        """Raise PlanUnavailableError when a part of the outside could not be looked at: trying again may be all it needs."""
        if self.outages:
            raise PlanUnavailableError((*self.outages, *self.problems))

    def refuse(self) -> None:
        """Raise what stands in the way, all at once: as an outage when there is one, else as a refusal."""
        self.reach()
        if self.problems:
            raise PlanRefusedError(self.problems)


class PlanError(LockgateError):
    """What the plan found in the way, everything at once, each problem with the key of its step."""

    def __init__(self, found: tuple[tuple[str, Problem], ...]) -> None:
        super().__init__(*(problem for _, problem in found))
        self.found = found

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.found,))

    def __str__(self) -> str:
        return "\n".join(f"Step {step(key).number} ({step(key).title}): {problem}" for key, problem in self.found)


class PlanRefusedError(PlanError, RefusedError):
    """The plan found what would refuse later."""


class PlanUnavailableError(PlanError, UnavailableError):
    """A part of the outside could not be looked at, so that nobody knows yet whether the release can go on."""


def markdown(plan: Plan) -> str:
    """The plan as a person reads it in Prefect's pages."""
    rows = [
        (str(one.number), one.title, _says(finding))
        for one in STEPS
        for finding in plan.findings
        if finding.step == one.key
    ]
    found = tuple(one for one in plan.settings if one[2] != DEFAULT)
    defaults = tuple(one for one in plan.settings if one[2] == DEFAULT)
    problems = "".join(f"- **Step {step(key).number}:** {prose(str(problem))}\n" for key, problem in plan.problems)
    return (
        f"# Plan: {prose(plan.project)} {prose(plan.version)}\n\n"
        f"From {code(plan.repository)}, branch {code(plan.branch)} at {code(plan.commit[:12])}; tag {code(plan.tag)}; "
        f"previous release: {prose(plan.previous) or 'none'}.\n\n"
        + (f"{prose(plan.course)}\n\n" if plan.course else "")
        + (f"## In the way\n\n{problems}\n" if problems else "")
        + f"## Steps\n\n{table(('', 'step', 'what it will do'), rows)}\n\n"
        f"## Settings\n\n{_settings(found)}\n\n## Settings left to their defaults\n\n{_settings(defaults)}\n"
    )


def _settings(settings: tuple[tuple[str, str, str], ...]) -> str:
    rows = [(name, code(value) if value else "none", prose(origin)) for name, value, origin in settings]
    return table(("setting", "value", "from"), rows)


def _says(finding: Finding) -> str:
    return prose("".join((finding.says, *(f" ⚠ {warning}" for warning in finding.warnings))))
