"""Step 6's rules for the publish workflow: what would keep it from publishing, and what a person should know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.version import InvalidVersion, Version

from lockgate.errors import Problem, RefusedError
from lockgate.workflow_conditions import job_decision, needed_jobs, step_decision
from lockgate.workflow_events import Event, dispatch_event, events_of
from lockgate.workflow_files import Job, Workflow, pinned_version
from lockgate.workflow_search import PublishWorkflow, read_files, uploads_of
from lockgate.workflow_uploads import PUBLISH_ACTION, creates_release, downloads_assets, find_uploads

# GHSA-vxmw-7h4f-hqxh: expressions in an input could run commands.
FIRST_SAFE_ACTION = Version("1.13.0")


def check_workflow(
    files: Mapping[str, str], workflow: PublishWorkflow, *, tag: str, repository: str, environment: str
) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """Problems that would keep the workflow from publishing this tag, and warnings for a person.

    `environment` is the name that the Trusted Publisher is registered with, or "" when no particular one is expected.
    Raises RefusedError when the workflow's own file is missing or cannot be read.
    """
    workflows, broken = read_files({path: text for path, text in files.items() if path == workflow.path})
    if not workflows:
        raise RefusedError(*(broken or (_gone(workflow),)))
    own = workflows[0]
    job = own.jobs[workflow.job]
    event = _event(own, workflow, tag=tag, repository=repository)
    problems = [
        *_identity(own, job),
        *_environment(workflow, environment),
        *_passwords(own),
        *_runner(own, job, event),
        *_draft_access(own, workflow, event),
    ]
    others, _ = read_files({path: text for path, text in files.items() if path != workflow.path})
    warnings = [
        *workflow.undecided,
        *_action(own, workflow),
        *_upload_options(own, job, event),
        *_again(workflow),
        *_neighbours(others, workflow, tag=tag, repository=repository),
    ]
    if not workflow.environment:
        warnings.append(f"job {job.id!r} names no environment: any job of {workflow.file} could publish, unreviewed")
    return tuple(problems), tuple(warnings)


def _gone(workflow: PublishWorkflow) -> Problem:
    return Problem(f"{workflow.path} is not there", "the publish workflow at the release commit", "commit it")


def _event(own: Workflow, workflow: PublishWorkflow, *, tag: str, repository: str) -> Event:
    started = [event for event in events_of(own, tag=tag, repository=repository) if event.trigger == workflow.trigger]
    dispatched = dispatch_event(own, tag=tag, repository=repository)
    return next(iter(started), dispatched) or Event(workflow.trigger, "", tag, repository, {})


def _identity(own: Workflow, job: Job) -> list[Problem]:
    granted = job.permissions if job.permissions is not None else own.permissions
    level = "the workflow" if job.permissions is None else f"job {job.id!r}"
    if granted == "write-all" or (isinstance(granted, Mapping) and granted.get("id-token") == "write"):
        return []
    seen = f"{level} of {own.path} grants no `id-token: write`" if granted is not None else f"{own.path} grants none"
    return [
        Problem(
            f"the publishing job {job.id!r} cannot ask for an identity: {seen}",
            "`permissions: id-token: write` on that job, which Trusted Publishing needs",
            f"add it to job {job.id!r}; permissions of a job replace those of the workflow",
        )
    ]


def _environment(workflow: PublishWorkflow, expected: str) -> list[Problem]:
    if not expected or workflow.environment.lower() == expected.lower():
        return []
    if any("has the environment" in text for text in workflow.undecided):
        return []
    seen = f"has the environment {workflow.environment!r}" if workflow.environment else "names no environment"
    return [
        Problem(
            f"job {workflow.job!r} of {workflow.path} {seen}",
            f"the environment {expected!r}, which the settings name",
            f"add `environment: {expected}` to the job, or set `environment` in [tool.lockgate] to what is registered",
        )
    ]


def _passwords(own: Workflow) -> list[Problem]:
    return [
        Problem(
            f"job {job.id!r} of {own.path} uploads with {upload.tool} and a password or token ({upload.password})",
            "no way to the index but Trusted Publishing",
            "remove that upload, and delete the secret",
        )
        for job in own.jobs.values()
        for upload in find_uploads(job, own.env, str)
        if upload.password and upload.target == "default"
    ]


def _runner(own: Workflow, job: Job, event: Event) -> list[Problem]:
    uses_container = any(upload.tool == PUBLISH_ACTION for upload in uploads_of(own, job, event))
    if not uses_container or not job.runs_on.startswith(("windows", "macos")):
        return []
    return [
        Problem(
            f"the publishing job {job.id!r} runs on {job.runs_on}",
            f"a Linux runner: {PUBLISH_ACTION} is a container",
            "set `runs-on: ubuntu-latest` for that job, and build elsewhere",
        )
    ]


def _draft_access(own: Workflow, workflow: PublishWorkflow, event: Event) -> list[Problem]:
    if workflow.trigger != "tag" or not workflow.downloads_assets:
        return []
    problems = []
    for job in needed_jobs(own, workflow.job):
        granted = job.permissions if job.permissions is not None else own.permissions
        if granted is None or granted == "write-all":
            continue
        if isinstance(granted, Mapping) and granted.get("contents") == "write":
            continue
        if any(downloads_assets(step) and step_decision(own, job, step, event).runs is not False for step in job.steps):
            problems.append(
                Problem(
                    f"job {job.id!r} of {own.path} downloads the release's assets without `contents: write`",
                    "the right to see a draft: the release is published only after the index shows its files",
                    f"add `permissions: contents: write` to job {job.id!r}",
                )
            )
    return problems


def _action(own: Workflow, workflow: PublishWorkflow) -> list[str]:
    if not workflow.action.lower().startswith(PUBLISH_ACTION):
        return []
    version = pinned_version(own, workflow.action)
    if version in {"master", "main"}:
        return [f"{workflow.action}: that branch is no longer maintained; use release/v1 or a commit"]
    try:
        outdated = version.count(".") > 0 and Version(version) < FIRST_SAFE_ACTION
    except InvalidVersion:
        outdated = False
    advice = f"older than {FIRST_SAFE_ACTION}, has a known vulnerability (GHSA-vxmw-7h4f-hqxh); update it"
    return [f"{workflow.action} ({version}): {advice}"] if outdated else []


def _upload_options(own: Workflow, job: Job, event: Event) -> list[str]:
    uploads = uploads_of(own, job, event)
    warnings = []
    if any(upload.step.inputs.get("skip-existing", "").lower() == "true" for upload in uploads):
        warnings.append(f"job {job.id!r} skips files that exist: it succeeds even when the index holds other bytes")
    if any(upload.step.inputs.get("attestations", "").lower() == "false" for upload in uploads):
        warnings.append(f"job {job.id!r} turns attestations off: nobody can verify where the files came from")
    if job.may_fail == "true" or any(upload.step.may_fail == "true" for upload in uploads):
        warnings.append(f"job {job.id!r} has `continue-on-error`: its run succeeds even when the upload fails")
    return warnings


def _again(workflow: PublishWorkflow) -> list[str]:
    return [f"{words} starts {workflow.file} once more, and it would upload again" for words in workflow.also]


def _neighbours(others: Sequence[Workflow], workflow: PublishWorkflow, *, tag: str, repository: str) -> list[str]:
    warnings = []
    for other in others:
        for event in events_of(other, tag=tag, repository=repository):
            jobs = [job for job in other.jobs.values() if job_decision(other, job.id, event).runs is not False]
            if any(uploads_of(other, job, event) for job in jobs):
                warnings.append(f"{other.path} publishes at {event.words} as well as {workflow.file}")
            steps = [step for job in jobs for step in job.steps]
            if any(creates_release(step) for step in steps):
                warnings.append(f"{other.path} creates a GitHub release itself at {event.words}")
    return list(dict.fromkeys(warnings))
