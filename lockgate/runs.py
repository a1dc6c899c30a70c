"""Step 9's rules: which workflow run is this release's, and what it came to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lockgate.errors import Problem, RefusedError
from lockgate.github import Job, PendingDeployment, Run, WorkflowState, workflow_file
from lockgate.patterns import Pattern, Piece, anything, literal

State = Literal["pending", "waiting", "success", "failure"]
COMPLETED = "completed"
SUCCESS = "success"
WAITING = ("waiting", "action_required")
_EXPRESSION = re.compile(r"\$\{\{(?:(?!\$\{\{).)*?\}\}")


class RunFailedError(RefusedError):
    """The publish run failed; `run` is its number, `attempt` the attempt, `failed` the names of the jobs that failed."""

    def __init__(self, *problems: Problem, run: int = 0, attempt: int = 0, failed: tuple[str, ...] = ()) -> None:
        super().__init__(*problems)
        self.run = run
        self.attempt = attempt
        self.failed = failed

    def __reduce__(self) -> tuple[object, ...]:
        return (_run_failed, (self.problems, self.run, self.attempt, self.failed))


def _run_failed(problems: tuple[Problem, ...], run: int, attempt: int, failed: tuple[str, ...]) -> RunFailedError:
    return RunFailedError(*problems, run=run, attempt=attempt, failed=failed)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to.

    `text` is one line for a person. `reviewers` may approve what it waits for, `page` is where. `failed` are the jobs
    that failed; `published` tells that every publishing job succeeded, whatever became of the others.
    """

    state: State
    text: str
    page: str
    reviewers: tuple[str, ...] = ()
    failed: tuple[Job, ...] = ()
    published: bool = False
    problem: Problem | None = None


def find_run(runs: Sequence[Run], *, tag: str, commit: str, workflow: str) -> Run | None:
    """This release's run of a workflow file, whatever its event; None when there is none (yet).

    Matched by file, tag and commit, never by age. Of several (a tag push and a release, or one started by hand) a
    successful one counts, else the newest.
    """
    ours = [run for run in runs if _is_of(run, tag, commit, workflow)]
    return max(ours, key=lambda run: (run.conclusion == SUCCESS, run.run_number, run.id), default=None)


def runs_of(runs: Sequence[Run], *, tag: str, commit: str, workflow: str, event: str) -> tuple[Run, ...]:
    """Every run that this event started of a workflow file for the tag."""
    return tuple(run for run in runs if run.event == event and _is_of(run, tag, commit, workflow))


def judge_run(
    run: Run, jobs: Sequence[Job], publish_jobs: Sequence[str], pending: Sequence[PendingDeployment] = ()
) -> Verdict:
    """What the run came to. Success only if it is completed and successful and all its publishing jobs ran and succeeded.

    `publish_jobs` are the jobs' names as the workflow gives them (an id without a name); expressions in them match anything.
    """
    publishing = {wanted: [job for job in jobs if is_job(job.name, wanted)] for wanted in publish_jobs}
    published = bool(publishing) and all(
        found and all(job.conclusion == SUCCESS for job in found) for found in publishing.values()
    )
    if run.status != COMPLETED:
        return _unfinished(run, pending, published=published)
    if run.conclusion == SUCCESS and published:
        return Verdict("success", f"The publish run succeeded: {run.html_url}", run.html_url, published=True)
    failed = tuple(job for job in jobs if job.conclusion not in {SUCCESS, "skipped", "neutral"})
    problem = _failure(run, jobs, publishing, failed, published=published)
    return Verdict("failure", problem.seen, run.html_url, failed=failed, published=published, problem=problem)


def is_job(name: str, wanted: str) -> bool:
    """Whether a run's job is the workflow's job: a matrix adds " (…)" to its name."""
    first, *others = _EXPRESSION.split(wanted)
    pieces = [*map(literal, first)]
    for part in others:
        pieces += [Piece(anything, "any"), *map(literal, part)]
    matrix = (*map(literal, " ("), Piece(anything, "any"), literal(")"))
    return any(Pattern(one).matches(name) for one in (pieces, [*pieces, *matrix]))


def missing_run(workflow: str, state: WorkflowState | None, *, tag: str, commit: str, waited: float) -> Problem:
    """Why a pushed tag started no run, as far as can be told; `waited` is in seconds.

    docs.github.com/en/actions, "Events that trigger workflows" and "Skipping workflow runs"
    """
    if state is None:
        why = "GitHub has registered no such workflow: is the file in the tagged commit and on the default branch?"
    elif state.state != "active":
        why = f"the workflow is {state.state.replace('_', ' ')}: enable it, then start it by hand for the tag"
    else:
        why = (
            "see whether its triggers match the tag, whether the commit's message asks to skip, whether the tag was "
            "there before, and whether the token was a workflow's own; then start it by hand for the tag"
        )
    return Problem(
        f"{waited:.0f} seconds after tag {tag!r} was pushed, {workflow_file(workflow)} has no run for it",
        f"a run for tag {tag!r} at commit {commit}",
        why,
    )


def _is_of(run: Run, tag: str, commit: str, workflow: str) -> bool:
    same_file = workflow_file(run.path.partition("@")[0]) == workflow_file(workflow)
    return same_file and run.head_sha == commit and run.head_branch in {tag, f"refs/tags/{tag}"}


def _unfinished(run: Run, pending: Sequence[PendingDeployment], *, published: bool) -> Verdict:
    who = tuple(dict.fromkeys(name for one in pending for name in one.reviewers))
    if who:
        places = ", ".join(sorted({one.environment for one in pending}))
        text = f"The run waits until one of {', '.join(who)} approves {places}: {run.html_url}"
        return Verdict("waiting", text, run.html_url, who, published=published)
    if pending or run.status in WAITING:
        timers = [f"{one.environment}'s timer of {one.wait_minutes} minutes" for one in pending if one.wait_minutes]
        reason = " and ".join(timers) or "a protection rule or an approval on GitHub"
        return Verdict("waiting", f"The run waits for {reason}: {run.html_url}", run.html_url, published=published)
    return Verdict("pending", f"The run is {_words(run.status)}: {run.html_url}", run.html_url, published=published)


def _failure(
    run: Run,
    jobs: Sequence[Job],
    publishing: Mapping[str, Sequence[Job]],
    failed: Sequence[Job],
    *,
    published: bool,
) -> Problem:
    if not jobs:
        return Problem(
            f"The run {run.html_url} ended with {_words(run.conclusion)} before any job",
            "a workflow file that GitHub can run",
            f"correct {run.path} (the run's page says where it is broken); the tag then needs a new version",
        )
    if run.conclusion == SUCCESS:
        states = ", ".join(_state(wanted, found) for wanted, found in publishing.items())
        return Problem(
            f"The run {run.html_url} succeeded without publishing ({states})",
            f"that its job {' and '.join(map(repr, publishing))} runs and succeeds",
            "see the job's `if:` and what it needs; start the workflow by hand for the tag if it allows that",
        )
    which = "the publishing job itself" if len(publishing) == 1 else "every publishing job"
    also = f"; {which} succeeded" if published else ""
    return Problem(
        f"The run {run.html_url} ended with {_words(run.conclusion)}: {_names(failed)}{also}",
        "a successful run",
        "see the log, put the cause right, and re-run the failed jobs (the same commit and files are used)",
    )


def _state(wanted: str, found: Sequence[Job]) -> str:
    states = (f"{job.name}: {_words(job.conclusion)}" for job in found)
    return ", ".join(states) or f"{wanted}: there was no such job"


def _names(failed: Sequence[Job]) -> str:
    return ", ".join(f"{job.name!r} ({_where(job)})" for job in failed) or "no job failed"


def _where(job: Job) -> str:
    step = next((step for step in job.steps if step.conclusion not in {SUCCESS, "skipped", None}), None)
    return _words(job.conclusion) + (f" in step {step.name!r}" if step else "")


def _words(state: str | None) -> str:
    return (state or "without a result").replace("_", " ")
