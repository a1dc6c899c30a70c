"""Which jobs and steps of a workflow run for one event, as far as that can be known before.

True, False, or UNKNOWN together with the conditions that could not be decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lockgate.workflow_events import Event, is_prerelease_tag
from lockgate.workflow_expressions import (
    UNKNOWN,
    Lookup,
    Unknown,
    Value,
    asks_for_status,
    evaluate_condition,
    render,
)
from lockgate.workflow_files import Job, Step, Workflow


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something runs, and every condition on the way that is not known before the run."""

    runs: bool | Unknown
    undecided: tuple[str, ...] = ()
    because: str = ""


def job_decision(workflow: Workflow, job_id: str, event: Event) -> Decision:
    """Whether a job runs for this event, its needed jobs considered; a needed job that is skipped skips it too."""
    decided: dict[str, Decision] = {}
    for job in _needs_first(workflow, job_id):
        decided[job.id] = _job_decision(workflow, job, event, decided)
    return decided.get(job_id) or _missing(job_id)


def step_decision(workflow: Workflow, job: Job, step: Step, event: Event) -> Decision:
    """Whether a step runs, given that its job does."""
    if not step.condition:
        return Decision(runs=True)
    lookup = _with_status(_lookup(event, workflow, {**workflow.env, **job.env, **step.env}, {}), succeeded=True)
    return _decide(step.condition, lookup, f"a step of job {job.id!r}")


def expand(text: str, workflow: Workflow, event: Event) -> tuple[str, tuple[str, ...]]:
    """A text with its expressions filled in; with what could not be known, then the text is ""."""
    outcome = render(text, _lookup(event, workflow, workflow.env, {}))
    return (outcome.value, ()) if isinstance(outcome.value, str) else ("", outcome.unknown)


def needed_jobs(workflow: Workflow, job_id: str) -> tuple[Job, ...]:
    """The job and all that it needs, directly or through others, each once, the job itself first."""
    found: dict[str, Job] = {}
    waiting = [job_id]
    while waiting:
        job = workflow.jobs.get(waiting.pop(0))
        if job is not None and job.id not in found:
            found[job.id] = job
            waiting.extend(job.needs)
    return tuple(found.values())


def _needs_first(workflow: Workflow, job_id: str) -> list[Job]:
    """The job and all that it needs, each once, after those that it needs itself where they are in no circle."""
    order: list[Job] = []
    seen: set[str] = set()
    waiting = [(job_id, False)]
    while waiting:
        name, is_ready = waiting.pop()
        job = workflow.jobs.get(name)
        if job is None:
            continue
        if is_ready:
            order.append(job)
        elif name not in seen:
            seen.add(name)
            waiting += [(name, True), *((need, False) for need in job.needs)]
    return order


def _missing(job_id: str) -> Decision:
    return Decision(runs=False, because=f"job {job_id!r} is needed but missing or needs itself")


def _job_decision(workflow: Workflow, job: Job, event: Event, decided: Mapping[str, Decision]) -> Decision:
    needed = {name: decided.get(name) or _missing(name) for name in job.needs}
    undecided = tuple(dict.fromkeys(text for decision in needed.values() for text in decision.undecided))
    succeeded = _all(decision.runs for decision in needed.values())
    lookup = _with_status(_lookup(event, workflow, {}, needed), succeeded=succeeded)
    own = _decide(job.condition, lookup, f"job {job.id!r}") if job.condition else Decision(runs=True)
    if job.condition and asks_for_status(job.condition):
        return Decision(own.runs, (*undecided, *own.undecided), own.because)
    because = own.because or next((d.because for d in needed.values() if d.runs is False), "")
    runs = _all((own.runs, succeeded))
    return Decision(runs, () if runs is False else (*undecided, *own.undecided), because)


def _decide(condition: str, lookup: Lookup, where: str) -> Decision:
    outcome = evaluate_condition(condition, lookup)
    shown = " ".join(condition.split())
    if outcome.value is UNKNOWN:
        names = ", ".join(outcome.unknown) or "its outcome"
        return Decision(UNKNOWN, (f"{where} has `if: {shown}`, and {names} is not known before the run",))
    runs = bool(outcome.value)
    return Decision(runs, because="" if runs else f"{where} has `if: {shown}`, which is false then")


def _all(values: Iterable[bool | Unknown]) -> bool | Unknown:
    found = list(values)
    if False in found:
        return False
    return UNKNOWN if UNKNOWN in found else True


def _with_status(lookup: Lookup, *, succeeded: bool | Unknown) -> Lookup:
    # A release is planned for a run in which nothing fails and nobody cancels.
    status: dict[str, Value] = {
        "success()": succeeded,
        "always()": True,
        "failure()": False,
        "cancelled()": False,
    }

    def look_up(path: tuple[str, ...]) -> Value:
        return status[path[0]] if path[0] in status else lookup(path)

    return look_up


def _lookup(event: Event, workflow: Workflow, env: Mapping[str, str], needed: Mapping[str, Decision]) -> Lookup:
    known = _known_values(event, workflow)

    def look_up(path: tuple[str, ...]) -> Value:
        name = ".".join(path)
        if name in known:
            return known[name]
        if path[0] == "needs" and len(path) == 3 and path[2] == "result":
            return _result(needed.get(path[1]))
        if path[0] == "env" and len(path) == 2:
            return _environment_value(env, path[1])
        if path[0] == "inputs" or path[:3] == ("github", "event", "inputs"):
            value = event.inputs.get(path[-1]) if event.trigger == "dispatch" else None
            # The event's payload holds texts only; a boolean is one in the `inputs` context.
            return str(value).lower() if isinstance(value, bool) and path[0] == "github" else value
        return None if _never_sent(path, event) else UNKNOWN

    return look_up


def _known_values(event: Event, workflow: Workflow) -> dict[str, Value]:
    owner, _, name = event.repository.partition("/")
    values: dict[str, Value] = {
        "github.event_name": event.name,
        "github.ref": f"refs/tags/{event.tag}",
        "github.ref_name": event.tag,
        "github.ref_type": "tag",
        "github.repository": event.repository,
        "github.repository_owner": owner,
        "github.event.repository.name": name,
        "github.event.repository.full_name": event.repository,
        "github.event.repository.owner.login": owner,
        "github.workflow": workflow.name,
        "github.head_ref": "",
        "github.base_ref": "",
    }
    return values | _payload(event)


def _payload(event: Event) -> dict[str, Value]:
    ref = f"refs/tags/{event.tag}"
    if event.trigger == "tag":
        return {"github.event.ref": ref, "github.event.created": True, "github.event.deleted": False}
    if event.trigger == "dispatch":
        return {"github.event.ref": ref}
    return {
        "github.event.action": event.activity,
        "github.event.release": ["a release"],
        "github.event.release.tag_name": event.tag,
        "github.event.release.draft": False,
        "github.event.release.prerelease": is_prerelease_tag(event.tag),
    }


def _never_sent(path: tuple[str, ...], event: Event) -> bool:
    if path[:2] != ("github", "event") or len(path) < 3:
        return False
    absent = {"pull_request", "issue", "comment", "workflow_run", "schedule", "client_payload", "label"}
    if event.trigger != "release":
        absent |= {"release", "action"}
    if event.trigger == "release":
        absent |= {"ref", "created", "deleted", "head_commit", "commits"}
    return path[2] in absent


def _result(needed: Decision | None) -> Value:
    if needed is None:
        return None
    if needed.runs is UNKNOWN:
        return UNKNOWN
    return "success" if needed.runs else "skipped"


def _environment_value(env: Mapping[str, str], name: str) -> Value:
    lowered = {key.lower(): value for key, value in env.items()}
    value = lowered.get(name)
    # A value may also be set by an earlier step through GITHUB_ENV, so an absent one is not known to be empty.
    return value if value is not None and "${{" not in value else UNKNOWN
