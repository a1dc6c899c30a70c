"""Steps 9 and 11: the publish run on GitHub Actions, and its logs."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from prefect import task

from clients import github, github_actions, log_archive
from clients.github_api import Memory
from clients.log_archive import JobLogs
from lockgate import runs
from lockgate.errors import DeadlineError, NotVisibleError, Problem, RefusedError, TransientError, refused
from lockgate.fixture import PublishLog, WorkflowRun, is_complete
from lockgate.github import Job, Run
from lockgate.masking import mask_secrets
from lockgate.outcome import StepResult
from lockgate.publish_logs import NoLogs, index_error, upload_lines
from lockgate.runs import RunFailedError
from lockgate.workflows import PublishWorkflow
from planning import checks
from planning.record import now
from planning.release import Release
from tasks.policy import policy
from tasks.progress import Progress
from tasks.work import Work, carry_out, commit_fixture, poll

log = logging.getLogger(__name__)

DISPATCHED = "workflow_dispatch"
LOG_LIMIT_BYTES = 200 * 1024 * 1024


@task(**policy("wait"))
def wait_for_publish(release: Release, rerun: bool = False) -> StepResult:
    """Step 9: find the workflow run that the tag started, and follow it to its end; `rerun` starts its failed jobs first.

    Raises DeadlineError when no run appears or it does not end in time, RunFailedError when it fails or did not publish.
    """
    return carry_out(release, "wait", _rerun_and_wait if rerun else _wait_for_publish)


def _rerun_and_wait(work: Work) -> StepResult:
    rerun_failed_jobs(work)
    return _wait_for_publish(work)


def rerun_failed_jobs(work: Work) -> bool:
    """The move that starts the failed jobs of the recorded run again; True when it was done now.

    A run that is on a later attempt than the recorded one, or does not stand failed, was started again already.
    """
    hub, known = work.release.hub, work.fixture.workflow_run
    seen = github_actions.read_run(hub, known.id) if known else None
    if seen is None or known is None or seen.run_attempt > known.attempt or seen.status != runs.COMPLETED:
        return False
    if seen.conclusion == runs.SUCCESS:
        return False
    github_actions.rerun_failed(hub, seen)
    again = github_actions.read_run(hub, seen.id)
    if again is None or again.run_attempt <= known.attempt:
        problem = Problem(f"GitHub does not show a new attempt of {seen.html_url}", "a later attempt", "look again")
        raise NotVisibleError(problem)
    return True


def _wait_for_publish(work: Work) -> StepResult:
    release, known = work.release, work.fixture.workflow_run
    if known is not None and known.conclusion == runs.SUCCESS:
        return StepResult("already done", f"{known.url} succeeded")
    workflow, _, _ = checks.find_workflow(release, work.origin)
    with Progress(f"publish-{release.slug}", f"{workflow.file} for {release.tag}") as progress:
        found = find_run(work, workflow, progress)
        if known is None or (known.id, known.attempt) != (found.id, found.run_attempt):
            work.fixture = replace(work.fixture, workflow_run=_recorded(found, ""))
        verdict = follow_run(work, workflow, found, progress)
    return StepResult("done", verdict.text)


def find_run(work: Work, workflow: PublishWorkflow, progress: Progress) -> Run:
    """Look until the run of this tag and commit appears.

    Where none appears and the workflow can be started by hand, it is, once for a release. Raises DeadlineError with the reason.
    """
    release = work.release
    found = _look_for_run(work, workflow, progress)
    if found is None and workflow.dispatchable:
        log.warning("No run of %s appeared for %s: starting it by hand", workflow.file, release.tag)
        dispatch_run(work, workflow)
        found = _look_for_run(work, workflow, progress)
    if found is not None:
        return found
    state = github.observe_workflow(release.hub, workflow.file)
    waited = release.settings.run_timeout
    commit = work.fixture.release_commit
    raise DeadlineError(runs.missing_run(workflow.path, state, tag=release.tag, commit=commit, waited=waited))


def dispatch_run(work: Work, workflow: PublishWorkflow) -> bool:
    """The move that starts the workflow by hand for the tag, unless a run of it is there; True when it was done now.

    That GitHub took it is recorded, with the run's number where it tells that: it is not asked a second time.
    """
    known = work.fixture.workflow_run
    if _seen_run(work, workflow, Memory()) is not None or (known is not None and known.event == DISPATCHED):
        return False
    number = github_actions.dispatch(work.release.hub, workflow.file, work.release.tag, workflow.inputs)
    work.fixture = replace(work.fixture, workflow_run=WorkflowRun(number or 0, 1, "", DISPATCHED, ""))
    return True


def _look_for_run(work: Work, workflow: PublishWorkflow, progress: Progress) -> Run | None:
    memory = Memory()

    def look(waited: float) -> Run | None:
        progress.say(0, f"no run of {workflow.file} yet, after {waited:.0f} s")
        return _seen_run(work, workflow, memory)

    return poll(work.release.settings.run_timeout, look)


def _seen_run(work: Work, workflow: PublishWorkflow, memory: Memory) -> Run | None:
    """The newest run among the listed ones, else the recorded one: in a busy repository it has left the list."""
    release, known = work.release, work.fixture.workflow_run
    listed = github_actions.list_runs(release.hub, workflow.file, memory)
    found = runs.find_run(listed, tag=release.tag, commit=work.fixture.release_commit, workflow=workflow.path)
    return found or (github_actions.read_run(release.hub, known.id) if known is not None and known.id else None)


def follow_run(work: Work, workflow: PublishWorkflow, run: Run, progress: Progress) -> runs.Verdict:
    """Follow a run to its end, with one conditional request per look while nothing changes; records how it ended.

    Raises RunFailedError for a run that failed or did not publish, DeadlineError after the configured time.
    """
    memory, limit = Memory(), work.release.settings.publish_timeout
    last: Run | None = None

    def look(_waited: float) -> runs.Verdict | None:
        nonlocal last
        seen = _read_run(work, run, memory)
        if seen == last:
            return None
        verdict = _judge(work, workflow, seen, progress)
        last = None if seen.status == runs.COMPLETED else seen
        return verdict

    verdict = poll(limit, look)
    if verdict is not None:
        return verdict
    raise DeadlineError(
        Problem(
            f"{run.html_url} did not end within {limit / 3600:g} hours",
            "a finished run",
            "see what it waits for; the same command goes on waiting",
        )
    )


def _read_run(work: Work, run: Run, memory: Memory) -> Run:
    seen = github_actions.read_run(work.release.hub, run.id, memory)
    if seen is None:
        raise refused(
            f"run {run.html_url} is gone", "the publish run", "find out who deleted it; see what the index has"
        )
    return seen


def _judge(work: Work, workflow: PublishWorkflow, seen: Run, progress: Progress) -> runs.Verdict | None:
    """The verdict on a run that succeeded, None while it goes on; raises RunFailedError when it failed."""
    hub = work.release.hub
    jobs = github_actions.list_jobs(hub, seen)
    pending = github_actions.list_pending_deployments(hub, seen) if seen.status in runs.WAITING else ()
    if seen.status == runs.COMPLETED and any(job.conclusion is None for job in jobs):
        return None  # GitHub ends a run a moment before its jobs; the next look sees both
    verdict = runs.judge_run(seen, jobs, [job.name for job in workflow.jobs], pending)
    progress.say(_percent(jobs), verdict.text)
    if verdict.state not in {"success", "failure"}:
        return None
    work.fixture = replace(work.fixture, workflow_run=_recorded(seen, verdict.state))
    if verdict.problem is not None:
        failed = tuple(job.name for job in verdict.failed)
        raise RunFailedError(
            verdict.problem, *_log_advice(work, seen), run=seen.id, attempt=seen.run_attempt, failed=failed
        )
    return verdict


def _percent(jobs: tuple[Job, ...]) -> float:
    ended = sum(1 for job in jobs if job.conclusion)
    return 100.0 * ended / len(jobs) if jobs else 0.0


def _recorded(run: Run, conclusion: str) -> WorkflowRun:
    return WorkflowRun(run.id, run.run_attempt, run.html_url, run.event, conclusion)


def _log_advice(work: Work, run: Run) -> tuple[Problem, ...]:
    """What the failed run's log says of the index's answer, with advice; nothing when there is no log to read.

    The log is kept: a re-run starts a new one, and GitHub forgets both after a while. One that cannot be had now hides no failure.
    """
    try:
        logs = keep_logs(work, run)
    except TransientError as error:
        log.warning("The log of the failed run is not read: %s", error)
        return ()
    found = index_error("\n".join(logs.texts.values())) if isinstance(logs, JobLogs) else None
    if found is None:
        return ()
    code, advice = found
    return (Problem(f"the log of the publish run says {code}", "an upload that the index takes", advice),)


def keep_logs(work: Work, run: Run | None, limit_bytes: int = LOG_LIMIT_BYTES) -> JobLogs | NoLogs:
    """Keep the logs of a run's attempt in the store and read them; or why there are none to keep.

    Logs are never worth a release: what is too large or may not be read is told, and is as good as gone. Raises
    UnavailableError when GitHub, its storage or the store does not answer.
    """
    if run is None:
        return NoLogs("no publish run is known")
    release = work.release
    with tempfile.TemporaryDirectory(dir=release.workspace.parent) as folder:
        archive = Path(folder) / "logs.zip"
        try:
            got = github_actions.download_logs(release.hub, run, archive, limit_bytes)
            if isinstance(got, NoLogs):
                return got
            logs = log_archive.read_archive(archive, limit_bytes)
        except RefusedError as error:
            log.warning("The logs are not kept: %s", error)
            return NoLogs(error.problems[0].seen)
        release.store.put(archive)
    log.info("The log of attempt %d is kept in the store: %s", run.run_attempt, logs.sha256)
    return logs


@task(**policy("logs"))
def capture_logs(release: Release) -> StepResult:
    """Step 11: keep what the publish run's log says of the uploads; the fixture is committed for the last time.

    Logs that are gone, or that are no logs to keep, are recorded as gone.
    """
    return carry_out(release, "logs", _capture_logs)


def _capture_logs(work: Work) -> StepResult:
    kept = work.fixture.log or _read_log(work)
    work.fixture = replace(work.fixture, log=kept)
    changed = finish_fixture(work)
    says = f"{len(kept.uploads)} upload lines, archive {kept.sha256[:12]}"
    if kept.gone:
        says = f"no logs are kept: {kept.why or 'they are gone'}"
    return StepResult("done" if changed else "already done", f"{says}; {work.release.fixture_path} is complete")


def _read_log(work: Work) -> PublishLog:
    """What is kept of the logs; the record of the release does not wait longer for them than for the run to appear."""
    release, known = work.release, work.fixture.workflow_run

    def look(_waited: float) -> JobLogs | NoLogs:
        return keep_logs(work, github_actions.read_run(release.hub, known.id) if known else None)

    logs: JobLogs | NoLogs
    try:
        logs = poll(release.settings.run_timeout, look) or NoLogs("they did not arrive in time")
    except DeadlineError as error:
        log.warning("The logs could not be had: %s", error)
        logs = NoLogs(error.problems[0].seen)
    if isinstance(logs, NoLogs):
        return PublishLog("", 0, (), gone=True, why=logs.why)
    lines = tuple(mask_secrets(line) for text in logs.texts.values() for line in upload_lines(text))
    return PublishLog(logs.sha256, logs.size, lines)


def finish_fixture(work: Work) -> bool:
    """The move that commits the finished fixture; True when there was anything to commit."""
    work.fixture = work.fixture.ended("logs", now())
    return commit_fixture(
        work,
        f"Record the release of {work.release.label} [skip ci]",
        is_done=lambda there: is_complete(there) and there.log == work.fixture.log,
    )
