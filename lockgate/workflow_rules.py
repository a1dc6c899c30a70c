"""Step 6's rules for the publish workflow: what would keep it from publishing, and what a person should know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.version import Version

from lockgate.errors import Problem, RefusedError
from lockgate.workflow_conditions import job_decision, needed_jobs, step_decision
from lockgate.workflow_events import Event, dispatch_event, events_of
from lockgate.workflow_files import Job, Workflow, pinned_version
from lockgate.workflow_inputs import check_inputs
from lockgate.workflow_search import PublishJob, PublishWorkflow, read_files, uploads_of
from lockgate.workflow_uploads import PUBLISH_ACTION, compares_files, downloads_assets, find_uploads

# Expressions in an input could run commands.
ADVISORY = "GHSA-vxmw-7h4f-hqxh"
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
    event = _event(own, workflow, tag=tag, repository=repository)
    jobs = [own.jobs[one.id] for one in workflow.jobs]
    problems = [
        *(problem for job in jobs for problem in (*_identity(own, job), *_runner(own, job, event))),
        *_environments(workflow, environment),
        *_passwords(own),
        *check_inputs(own, workflow.inputs),
        *_draft_access(own, workflow, event),
    ]
    others, _ = read_files({path: text for path, text in files.items() if path != workflow.path})
    warnings = [
        *workflow.undecided,
        *(warning for job in jobs for warning in (*_actions(own, job, event), *_upload_options(own, job, event))),
        *_again(workflow),
        *_uncompared(own, workflow, event),
        *_neighbours(others, workflow, tag=tag, repository=repository),
    ]
    warnings += [
        f"job {one.id!r} names no environment: any job of {workflow.file} could publish, unreviewed"
        for one in workflow.jobs
        if not one.environment
    ]
    return tuple(dict.fromkeys(problems)), tuple(dict.fromkeys(warnings))


def _gone(workflow: PublishWorkflow) -> Problem:
    return Problem(f"{workflow.path} is not there", "the publish workflow at the release commit", "commit it")


def _event(own: Workflow, workflow: PublishWorkflow, *, tag: str, repository: str) -> Event:
    started = [event for event in events_of(own, tag=tag, repository=repository) if event.trigger == workflow.trigger]
    dispatched = dispatch_event(own, tag=tag, repository=repository, inputs=workflow.inputs)
    return next(iter(started), dispatched) or Event(workflow.trigger, "", tag, repository, {})


def _identity(own: Workflow, job: Job) -> list[Problem]:
    granted = own.may_write(job, "id-token")
    level = "the workflow" if job.permissions is None else f"job {job.id!r}"
    if granted:
        return []
    seen = f"{level} of {own.path} grants no `id-token: write`" if granted is not None else f"{own.path} grants none"
    return [
        Problem(
            f"the publishing job {job.id!r} cannot ask for an identity: {seen}",
            "`permissions: id-token: write` on that job, which Trusted Publishing needs",
            f"add it to job {job.id!r}; permissions of a job replace those of the workflow",
        )
    ]


def _environments(workflow: PublishWorkflow, expected: str) -> list[Problem]:
    known = [one for one in workflow.jobs if not _is_unknown(workflow, one)]
    problems = [
        Problem(
            f"job {one.id!r} of {workflow.path} {_named(one)}",
            f"the environment {expected!r}, which the settings name",
            f"add `environment: {expected}` to the job, or set `environment` in [tool.lockgate] to what is registered",
        )
        for one in known
        if expected and one.environment.lower() != expected.lower()
    ]
    if not problems and len({one.environment.lower() for one in known}) > 1:
        told = ", ".join(f"job {one.id!r} {_named(one)}" for one in known)
        problems.append(
            Problem(
                f"the publishing jobs of {workflow.path} present several identities: {told}",
                "one environment for all of them, the one that the Trusted Publisher is registered with",
                "give these jobs the same `environment:`",
            )
        )
    return problems


def _named(job: PublishJob) -> str:
    return f"has the environment {job.environment!r}" if job.environment else "names no environment"


def _is_unknown(workflow: PublishWorkflow, job: PublishJob) -> bool:
    return any(text.startswith(f"job {job.id!r} has the environment ") for text in workflow.undecided)


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
    needed = {job.id: job for one in workflow.jobs for job in needed_jobs(own, one.id)}
    return [
        Problem(
            f"job {job.id!r} of {own.path} downloads the release's assets without `contents: write`",
            "the right to see a draft: the release is published only after the index shows its files",
            f"add `permissions: contents: write` to job {job.id!r}",
        )
        for job in needed.values()
        if not _sees_drafts(own, job)
        and any(downloads_assets(step) and step_decision(own, job, step, event).runs is not False for step in job.steps)
    ]


def _sees_drafts(own: Workflow, job: Job) -> bool:
    granted = job.permissions if job.permissions is not None else own.permissions
    if granted is None or granted == "write-all":
        return True
    return isinstance(granted, Mapping) and granted.get("contents") == "write"


def _actions(own: Workflow, job: Job, event: Event) -> list[str]:
    used = (upload.action for upload in uploads_of(own, job, event) if upload.tool == PUBLISH_ACTION)
    return [warning for action in dict.fromkeys(used) for warning in _action(action, pinned_version(own, action))]


def _action(action: str, version: str) -> list[str]:
    if version in {"master", "main"}:
        return [f"{action}: that branch is no longer maintained; use release/v1 or a commit"]
    if not version:
        unknown = f"whether it is {FIRST_SAFE_ACTION} or later, where a known vulnerability ({ADVISORY}) is fixed"
        return [f"{action} is a commit without a version beside it: {unknown}, cannot be told; name it in a comment"]
    try:
        outdated = version.count(".") > 0 and Version(version) < FIRST_SAFE_ACTION
    except ValueError:
        outdated = False
    advice = f"older than {FIRST_SAFE_ACTION}, has a known vulnerability ({ADVISORY}); update it"
    return [f"{action} ({version}): {advice}"] if outdated else []


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


def _uncompared(own: Workflow, workflow: PublishWorkflow, event: Event) -> list[str]:
    """A warning when the release's assets are published without a comparison: they can be exchanged after the tag."""
    needed = {job.id: job for one in workflow.jobs for job in needed_jobs(own, one.id)}
    steps = [(job, step) for job in needed.values() for step in job.steps]
    if not workflow.downloads_assets or any(
        compares_files(step) and step_decision(own, job, step, event).runs is True for job, step in steps
    ):
        return []
    told = (
        f"{workflow.path} publishes the release's files without comparing them: a file that is exchanged after the tag is on"
        " the index for ever; compare them with the digests in the tag's message, as the workflow of `lockgate init` does"
    )
    return [told]


def _neighbours(others: Sequence[Workflow], workflow: PublishWorkflow, *, tag: str, repository: str) -> list[str]:
    warnings = [
        f"{other.path} publishes at {event.words} as well as {workflow.file}"
        for other in others
        for event in events_of(other, tag=tag, repository=repository)
        for job in other.jobs.values()
        if job_decision(other, job.id, event).runs is not False and uploads_of(other, job, event)
    ]
    return list(dict.fromkeys(warnings))
