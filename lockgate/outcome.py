"""How a release ended: the outcome of every step, exit codes, and the report that scripts read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from typing import Any, Literal

from lockgate.approvals import Question
from lockgate.artifacts import Artifact
from lockgate.errors import LockgateError, Problem, SettingsError, TransientError
from lockgate.lines import lines_of
from lockgate.plan import Plan, PlanError
from lockgate.steps import START, step

Word = Literal["done", "already done", "not needed", "refused", "unavailable", "stopped"]


class ExitCode(IntEnum):
    """What the command's exit code says."""

    RELEASED = 0
    REFUSED = 1
    SETTINGS = 2
    STOPPED_AFTER_TAG = 3
    UNAVAILABLE = 4
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How one step ended, in seconds and one line of evidence."""

    key: str
    title: str
    outcome: Word
    seconds: float
    evidence: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem with the number of its step (1 to 11)."""

    step: int
    seen: str
    expected: str
    next: str


@dataclass(frozen=True, slots=True)
class Report:
    """The whole release as a script wants it."""

    exit_code: int
    project: str
    version: str
    tag: str
    commit: str
    steps: tuple[StepOutcome, ...]
    artifacts: tuple[Artifact, ...]
    refusals: tuple[Refusal, ...]
    urls: dict[str, str]
    fixture: str
    plan: Plan | None = None
    tag_is_out: bool = False

    def as_data(self) -> dict[str, Any]:
        """The report as JSON's types, without the plan."""
        return {name: value for name, value in asdict(replace(self, plan=None)).items() if name != "plan"}


def word_for(error: BaseException) -> Word:
    """The outcome of a step that ended with this error."""
    if isinstance(error, TransientError):
        return "unavailable"
    return "refused" if isinstance(error, LockgateError) else "stopped"


def brief(error: BaseException) -> str:
    """What an error saw, in one line, for a table."""
    seen = [problem.seen for problem in error.problems] if isinstance(error, LockgateError) else [str(error)]
    more = f" (and {len(seen) - 1} more)" if len(seen) > 1 else ""
    return f"{lines_of(seen[0].strip() or type(error).__name__)[0]}{more}"


def exit_code(error: BaseException | None, *, tag_is_out: bool) -> ExitCode:
    """The exit code of a release that ended with this error (None: released).

    After the point of no return it is always "stopped": something is out, and the same command goes on from there.
    """
    if error is None:
        return ExitCode.RELEASED
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if tag_is_out:
        return ExitCode.STOPPED_AFTER_TAG
    if isinstance(error, SettingsError):
        return ExitCode.SETTINGS
    if isinstance(error, TransientError):
        return ExitCode.UNAVAILABLE
    return ExitCode.REFUSED


def refusals_of(error: BaseException | None, reached: str) -> tuple[Refusal, ...]:
    """The error's problems, each with its step; `reached` is the key of the step that raised it."""
    if isinstance(error, PlanError):
        return tuple(_refusal(key, problem) for key, problem in error.found)
    if isinstance(error, LockgateError):
        return tuple(_refusal(reached, problem) for problem in error.problems)
    return ()


def judge(plan: Plan) -> tuple[ExitCode, tuple[Refusal, ...]]:
    """The exit code that a plan means, and what stands in its way."""
    try:
        plan.refuse()
    except PlanError as error:
        return exit_code(error, tag_is_out=False), refusals_of(error, START.key)
    return ExitCode.RELEASED, ()


def _refusal(key: str, problem: Problem) -> Refusal:
    return Refusal(max(step(key).number, 1), problem.seen, problem.expected, problem.next)


class StepResult:
    """What a step came to: an outcome, one line of evidence, and the question that a person has to answer, if any.

    A plain class on purpose: Prefect looks into dataclasses and would draw edges between steps that share a word.
    """

    __slots__ = ("details", "evidence", "outcome", "question")

    def __init__(self, outcome: Word, evidence: str, question: Question | None = None, details: str = "") -> None:
        self.outcome = outcome
        self.evidence = evidence
        self.question = question
        self.details = details
