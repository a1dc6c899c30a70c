"""Finds the workflow that publishes a release, among files written by people who never heard of Lockgate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from lockgate.errors import Problem, RefusedError
from lockgate.workflow_conditions import expand, job_decision, needed_jobs, step_decision
from lockgate.workflow_events import Event, Trigger, dispatch_event, events_of, why_not_started
from lockgate.workflow_files import Job, Step, Workflow, is_workflow_path, pinned_version, read_workflow
from lockgate.workflow_inputs import missing_inputs
from lockgate.workflow_uploads import (
    PUBLISH_ACTION,
    Upload,
    attaches_assets,
    creates_release,
    downloads_assets,
    find_uploads,
)

_SETTING = "set `workflow` in [tool.lockgate]"


@dataclass(frozen=True, slots=True)
class PublishJob:
    """A job that uploads to the index: its id, the name that a run shows it by, and its environment ("" without one)."""

    id: str
    name: str
    environment: str


@dataclass(frozen=True, slots=True)
class PublishWorkflow:
    """The workflow that will publish, every job in it that uploads for this tag, and what starts it.

    `also` lists further events of the same release that would publish again; `dispatchable` says whether the run can
    be started by hand at the tag, with `inputs`; `undecided` are conditions that only the run itself can decide;
    `attestations` says whether every job makes them.
    """

    path: str
    file: str
    name: str
    trigger: Trigger
    jobs: tuple[PublishJob, ...]
    downloads_assets: bool
    undecided: tuple[str, ...]
    attestations: bool
    also: tuple[str, ...] = ()
    dispatchable: bool = False
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> str:
        """The environment of its identity: that of the last job that uploads; `check_workflow` refuses two."""
        return self.jobs[-1].environment


@dataclass(frozen=True, slots=True)
class _Candidate:
    workflow: Workflow
    job: Job
    upload: Upload
    events: tuple[Event, ...]
    dispatch: Event | None


@dataclass(frozen=True, slots=True)
class _Tag:
    """What the workflows are looked at for."""

    name: str
    repository: str
    inputs: Mapping[str, str]

    def events(self, workflow: Workflow) -> tuple[Event, ...]:
        return events_of(workflow, tag=self.name, repository=self.repository)

    def dispatch(self, workflow: Workflow) -> Event | None:
        return dispatch_event(workflow, tag=self.name, repository=self.repository, inputs=self.inputs)


def find_publish_workflow(
    files: Mapping[str, str], *, wanted: str, tag: str, repository: str, inputs: Mapping[str, str] | None = None
) -> PublishWorkflow:
    """The workflow that publishes when this tag is released.

    `files` are the texts under .github/workflows at the release commit, `wanted` is the setting (a file name, or ""
    to detect it), `repository` is "owner/name", `inputs` what a start by hand gives. A workflow that only runs by hand is
    taken when `wanted` names it and it needs no other inputs. Raises RefusedError with the reason for every job that was
    looked at when none fits, and when several files fit and no setting chooses.
    """
    workflows, broken = read_files(files)
    if wanted:
        workflows, broken = _chosen(workflows, broken, wanted)
    release = _Tag(tag, repository, inputs or {})
    candidates, reasons = _candidates(workflows, release, by_hand=bool(wanted))
    paths = sorted({candidate.workflow.path for candidate in candidates})
    if not paths:
        raise RefusedError(*_none_fits(workflows, broken, reasons, tag))
    if len(paths) > 1:
        raise RefusedError(_several_fit(paths, tag))
    return replace(_described(candidates), inputs=release.inputs)


def read_files(files: Mapping[str, str]) -> tuple[tuple[Workflow, ...], tuple[Problem, ...]]:
    """The workflows among these files, sorted by path, and the problems of those that cannot be read."""
    workflows: list[Workflow] = []
    problems: list[Problem] = []
    for path in sorted(files):
        if is_workflow_path(path):
            try:
                workflows.append(read_workflow(path, files[path]))
            except RefusedError as error:
                problems.extend(error.problems)
    return tuple(workflows), tuple(problems)


def uploads_of(workflow: Workflow, job: Job, event: Event) -> tuple[Upload, ...]:
    """The uploads of a job that this event does not rule out, those to a test index left out."""

    def filled(text: str) -> str:
        value, unknown = expand(text, workflow, event)
        return text if unknown else value

    return tuple(
        upload
        for upload in find_uploads(job, workflow.env, filled)
        if upload.target != "test" and step_decision(workflow, job, upload.step, event).runs is not False
    )


def running_steps(workflow: Workflow, event: Event) -> list[tuple[Job, Step]]:
    """Every step that may run at an event, with its job."""
    return [
        (job, step)
        for job in workflow.jobs.values()
        if job_decision(workflow, job.id, event).runs is not False
        for step in job.steps
        if step_decision(workflow, job, step, event).runs is not False
    ]


def _chosen(
    workflows: Sequence[Workflow], broken: tuple[Problem, ...], wanted: str
) -> tuple[tuple[Workflow, ...], tuple[Problem, ...]]:
    name = PurePosixPath(wanted).name
    found = tuple(workflow for workflow in workflows if workflow.file == name)
    if found:
        return found, ()
    unreadable = tuple(problem for problem in broken if name in problem.seen)
    if unreadable:
        raise RefusedError(*unreadable)
    there = ", ".join(workflow.file for workflow in workflows) or "none"
    raise RefusedError(
        Problem(
            f"the publish workflow {wanted!r} is not in the release commit; workflows there: {there}",
            "the file that `workflow` in [tool.lockgate] names, under .github/workflows",
            "commit the workflow, or correct the setting",
        )
    )


def _candidates(
    workflows: Sequence[Workflow], release: _Tag, *, by_hand: bool
) -> tuple[list[_Candidate], list[Problem]]:
    found: list[_Candidate] = []
    reasons: list[Problem] = []
    for workflow in workflows:
        for job in workflow.jobs.values():
            if job.uses:
                reasons.extend(_called_publisher(workflow, job, workflows))
                continue
            outcome = _examined(workflow, job, release, by_hand=by_hand)
            if isinstance(outcome, _Candidate):
                found.append(outcome)
            elif outcome is not None:
                reasons.append(outcome)
    default = [candidate for candidate in found if candidate.upload.target == "default"]
    return default or found, reasons


def _examined(workflow: Workflow, job: Job, release: _Tag, *, by_hand: bool) -> _Candidate | Problem | None:
    events, dispatch = release.events(workflow), release.dispatch(workflow)
    uploads = _any_upload(workflow, job, tag=release.name, repository=release.repository)
    if not uploads:
        return None
    publishing = tuple(event for event in events if _publishes(workflow, job, event))
    started = dispatch if dispatch is not None and _publishes(workflow, job, dispatch) else None
    if not publishing and not (by_hand and started):
        return _not_started(workflow, job, events, release, by_hand=started is not None)
    event = (publishing or tuple(filter(None, (started,))))[0]
    upload = uploads_of(workflow, job, event)[-1]
    if problem := _not_trusted(workflow, job, upload):
        return problem
    return _Candidate(workflow, job, upload, publishing, started)


def _any_upload(workflow: Workflow, job: Job, *, tag: str, repository: str) -> tuple[Upload, ...]:
    # Looked for without conditions, so that a job whose condition is false is found and explained.
    event = Event("tag", "", tag, repository, {})
    uploads = find_uploads(job, workflow.env, lambda text: expand(text, workflow, event)[0] or text)
    return tuple(upload for upload in uploads if upload.target != "test")


def _publishes(workflow: Workflow, job: Job, event: Event) -> bool:
    return job_decision(workflow, job.id, event).runs is not False and bool(uploads_of(workflow, job, event))


def _not_started(workflow: Workflow, job: Job, events: Sequence[Event], release: _Tag, *, by_hand: bool) -> Problem:
    where, tag = f"job {job.id!r} of {workflow.path} publishes", release.name
    if not events:
        missing = missing_inputs(workflow, release.inputs)
        advice = "add `push: tags:` with a fitting pattern, or `release: types: [published]`, to its `on:`"
        choice = f"; or set `workflow = {workflow.file!r}` in [tool.lockgate] to have it started by hand at the tag"
        with_inputs = f" and needs the inputs {', '.join(missing)}" if missing else ""
        wanted = f", and {', '.join(missing)} in `dispatch-inputs`, with `{{version}}` or `{{tag}}` in its place"
        return Problem(
            f"{where}, but {why_not_started(workflow, tag)}{with_inputs}",
            f"a workflow that starts when tag {tag!r} is pushed or its release is published",
            advice + (choice if by_hand or missing else "") + (wanted if missing else ""),
        )
    because = job_decision(workflow, job.id, events[0]).because or "the condition of its upload step is false then"
    return Problem(
        f"{where}, but not for {events[0].words}: {because}",
        "a publishing job that runs for that event",
        "correct the `if:`, or the `on:` of the workflow",
    )


def _not_trusted(workflow: Workflow, job: Job, upload: Upload) -> Problem | None:
    where = f"job {job.id!r} of {workflow.path} publishes with {upload.tool}"
    if upload.password:
        seen = f"{where} and a password or token ({upload.password})"
    elif not upload.can_be_trusted:
        seen = f"{where}, which knows no Trusted Publishing"
    else:
        return None
    return Problem(
        seen,
        "Trusted Publishing: a job with `id-token: write` and no secret of the index",
        f"publish with {PUBLISH_ACTION} without `password`, and register the workflow as a Trusted Publisher",
    )


def _called_publisher(workflow: Workflow, job: Job, workflows: Sequence[Workflow]) -> list[Problem]:
    called = PurePosixPath(job.uses.partition("@")[0]).name
    inside = [other for other in workflows if job.uses.startswith("./") and other.file == called]
    publishing = any(find_uploads(inner, other.env, str) for other in inside for inner in other.jobs.values())
    passed = any("pypi" in f"{name} {value}".lower() for name, value in job.passes.items())
    if not publishing and (inside or not (passed or "publish" in called.lower())):
        return []
    return [
        Problem(
            f"job {job.id!r} of {workflow.path} publishes inside the called workflow {job.uses}",
            "the publishing job in the very file that starts: an index refuses the identity of a called workflow",
            f"move the job that uses {PUBLISH_ACTION} into {workflow.path}",
        )
    ]


def _none_fits(
    workflows: Sequence[Workflow], broken: tuple[Problem, ...], reasons: Sequence[Problem], tag: str
) -> tuple[Problem, ...]:
    if reasons or broken:
        return (*reasons, *broken)
    there = ", ".join(workflow.path for workflow in workflows)
    seen = f"no job in {there} uploads to an index" if there else "the release commit has no workflow"
    return (
        Problem(
            seen,
            f"a workflow that publishes with {PUBLISH_ACTION} when tag {tag!r} is pushed or its release is published",
            "run `lockgate init`, which proposes one, and commit it",
        ),
    )


def _several_fit(paths: Sequence[str], tag: str) -> Problem:
    return Problem(
        f"several workflows would publish {tag!r}: {', '.join(paths)}",
        "exactly one",
        f"{_SETTING} to the file that publishes, and make sure that the others do not start for the same release",
    )


def _described(candidates: Sequence[_Candidate]) -> PublishWorkflow:
    # Jobs are written in the order they run, so the last one completes the upload.
    last = candidates[-1]
    workflow, event = last.workflow, _starting_event(last)
    uploading = [one for one in candidates if _publishes(workflow, one.job, event)]
    steps = running_steps(workflow, event)
    chain = {needed.id for one in uploading for needed in needed_jobs(workflow, one.job.id)}
    others = dict.fromkeys(other.words for one in candidates for other in one.events if other != event)
    return PublishWorkflow(
        path=workflow.path,
        file=workflow.file,
        name=workflow.name,
        trigger=event.trigger,
        jobs=tuple(_publish_job(workflow, one.job, event) for one in uploading),
        downloads_assets=_takes_assets([step for job, step in steps if job.id in chain]),
        undecided=tuple(dict.fromkeys(text for one in uploading for text in _undecided(workflow, one.job, event))),
        attestations=all(_attests(workflow, uploads_of(workflow, one.job, event)[-1]) for one in uploading),
        also=tuple(others),
        dispatchable=last.dispatch is not None,
    )


def _takes_assets(steps: Sequence[Step]) -> bool:
    """Whether files of a release are published that were there before the run: not those of one that the run itself makes."""
    makes_its_own = any(map(creates_release, steps)) and any(map(attaches_assets, steps))
    return any(map(downloads_assets, steps)) and not makes_its_own


def _publish_job(workflow: Workflow, job: Job, event: Event) -> PublishJob:
    environment, _ = expand(job.environment, workflow, event)
    return PublishJob(job.id, _job_name(workflow, job, event), environment.strip())


def _starting_event(candidate: _Candidate) -> Event:
    certain = (
        event
        for event in candidate.events
        if job_decision(candidate.workflow, candidate.job.id, event).runs is True
        and step_decision(candidate.workflow, candidate.job, candidate.upload.step, event).runs is True
    )
    first = next(certain, candidate.events[0] if candidate.events else candidate.dispatch)
    if first is None:
        raise AssertionError("a candidate has an event or a dispatch")
    return first


def _undecided(workflow: Workflow, job: Job, event: Event) -> tuple[str, ...]:
    found = list(job_decision(workflow, job.id, event).undecided)
    for upload in uploads_of(workflow, job, event):
        found += step_decision(workflow, job, upload.step, event).undecided
        if "${{" in upload.address:
            found.append(f"job {job.id!r} uploads to {upload.address}, which is not known before the run")
        if upload.target == "other":
            found.append(f"job {job.id!r} uploads to {upload.address}, not to the default index")
    _, unknown = expand(job.environment, workflow, event)
    if unknown:
        found.append(f"job {job.id!r} has the environment {job.environment}, which is not known before the run")
    return tuple(found)


def _job_name(workflow: Workflow, job: Job, event: Event) -> str:
    name, unknown = expand(job.name, workflow, event)
    return (job.name.partition("${{")[0].strip() or job.id) if unknown else name


def _attests(workflow: Workflow, upload: Upload) -> bool:
    """Whether the upload carries attestations: the action makes them since v1.11, twine when asked."""
    if upload.tool == "twine upload":
        return "--attestations" in upload.step.run
    if upload.tool != PUBLISH_ACTION or upload.step.inputs.get("attestations", "true").lower() == "false":
        return False
    version = pinned_version(workflow, upload.action).lstrip("v").split(".")
    numbers = [int(part) for part in version if part.isdigit()]
    return len(numbers) < 2 or numbers >= [1, 11]
