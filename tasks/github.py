"""Steps 7 to 9 and 11: the release environment, the draft and the tag, the publish run and its logs."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from prefect import task

from clients import git_remote, git_tags, github, github_actions, github_releases, log_archive
from clients.github_api import Memory
from lockgate import releases, runs
from lockgate.artifacts import Artifact
from lockgate.errors import NotVisibleError, Problem, RefusedError, refused
from lockgate.fixture import PublishLog, WorkflowRun
from lockgate.github import GithubRelease, Run
from lockgate.outcome import StepResult
from lockgate.publish_logs import index_error, mask_secrets, upload_lines
from lockgate.questions import ask_to_publish
from lockgate.workflows import PublishWorkflow
from planning import checks
from planning.record import now
from planning.release import Release
from tasks.policy import policy
from tasks.progress import Progress
from tasks.work import Work, carry_out, commit_fixture, polls

log = logging.getLogger(__name__)

LOG_LIMIT_BYTES = 200 * 1024 * 1024
RUN_APPEARS_SECONDS = 120.0


@task(**policy("environment"))
def verify_environment(release: Release) -> StepResult:
    """Step 7: everything that the tag, the release and the publish run need on GitHub, all problems at once.

    Raises RefusedError with an instruction for each.
    """
    return carry_out(release, "environment", _verify_environment)


def _verify_environment(work: Work) -> StepResult:
    finding = checks.release_environment(work.release, work.origin)
    if finding.problems:
        raise RefusedError(*finding.problems)
    warnings = "".join(f"\n- {warning}" for warning in finding.warnings)
    release, fixture = work.release, work.fixture
    question = None
    if checks.export(release, work.origin).asks:
        question = ask_to_publish(str(release.version), release.tag, fixture.release_commit, fixture.artifacts)
    return StepResult("done", finding.says, question, f"{finding.details}\n{warnings}")


@task(**policy("export"))
def export_and_tag(release: Release) -> StepResult:
    """Step 8, the point of no return: look at everything again, then draft release, artifacts, tag.

    Raises RefusedError when anything that was relied on is no longer so, when a release or tag of that name is
    another's, and when a signature that was asked for is missing.
    """
    return carry_out(release, "export", _export_and_tag)


def _export_and_tag(work: Work) -> StepResult:
    check_everything_again(work)
    release = work.release
    workflow, _, _ = checks.find_workflow(release, work.origin)
    done = []
    if not workflow.creates_release:
        draft, made = ensure_draft(work)
        uploaded = [one.name for one in work.fixture.artifacts if upload_artifact(work, draft, one)]
        done += ["draft"] * made + uploaded
    if push_tag(work):
        done.append(release.tag)
    if workflow.trigger == "release" and not workflow.creates_release and publish_release(work):
        done.append("published the release")
    says = f"tag {release.tag} at {work.fixture.release_commit[:12]}, {len(work.fixture.artifacts)} artifacts"
    return StepResult("done" if done else "already done", f"{says}; {', '.join(done)}" if done else says)


def check_everything_again(work: Work) -> None:
    """Refuse unless all that the tag relies on is so at this very moment: version, commit, bytes, tests, workflow."""
    release, fixture = work.release, work.fixture
    found = [
        checks.version(release, work.origin),
        checks.export(release, work.origin),
        checks.publisher(release, work.origin),
    ]
    problems = [problem for finding in found for problem in finding.problems]
    if not work.is_pushed():
        problems.append(
            Problem(
                f"the release commit {fixture.release_commit[:12] or '(none)'} is not in origin's branch",
                "the commit that was built and tested, on origin", "find out who took it away, then start again",
            )
        )  # fmt: skip
    lost = [one.name for one in fixture.artifacts if not release.store.has(one.sha256)]
    if lost or not fixture.artifacts:
        problems.append(
            Problem(
                f"the store has no bytes of {', '.join(lost) or 'any artifact'}", "the built artifacts", "start again"
            )
        )
    if release.settings.test_command and (fixture.tests is None or fixture.tests.commit != fixture.release_commit):
        problems.append(
            Problem("there is no test evidence for the release commit", "tests of exactly this commit", "start again")
        )
    if problems:
        raise RefusedError(*problems)


def ensure_draft(work: Work) -> tuple[GithubRelease, bool]:
    """The move that makes the draft release, exactly once; the release, and whether it was made now.

    A lost reply is no special case: the next attempt finds the draft. Raises NotVisibleError when GitHub does not list it.
    """
    found = _own_release(work)
    if found is not None:
        return found, False
    release = work.release
    github_releases.create_draft(
        release.hub, release.tag, work.fixture.release_commit, f"{release.label}", _notes(work),
        prerelease=release.version.is_prerelease,
    )  # fmt: skip
    seen = _own_release(work)
    if seen is None:
        raise NotVisibleError(
            Problem(
                f"GitHub lists no release of {release.tag!r} after it was made", "the draft", "look again in a moment"
            )
        )
    return seen, True


def upload_artifact(work: Work, draft: GithubRelease, artifact: Artifact) -> bool:
    """The move that uploads one artifact, decided by its digest; True when it was uploaded now.

    Replaces what a broken upload left; refuses another digest. Raises NotVisibleError when it is not listed afterwards.
    """
    release = work.release
    found = releases.find_asset(artifact, github_releases.list_assets(release.hub, draft))
    decision = releases.decide_asset(artifact, found)
    if decision == "done":
        return False
    if decision == "replace" and found is not None:
        github_releases.delete_asset(release.hub, found)
    with tempfile.TemporaryDirectory(dir=release.workspace.parent) as folder:
        path = Path(folder) / artifact.name
        release.store.fetch(artifact.sha256, path)
        github_releases.upload_asset(release.hub, draft, path)
    seen = releases.find_asset(artifact, github_releases.list_assets(release.hub, draft))
    if seen is None or releases.decide_asset(artifact, seen) != "done":
        raise NotVisibleError(
            Problem(f"the release does not show {artifact.name} yet", "the uploaded artifact", "look again in a moment")
        )
    return True


def push_tag(work: Work) -> bool:
    """The move of no return: make the annotated tag, check its signature, push it plainly; True when it was pushed now.

    Refuses a tag of that name at another commit. Raises NotVisibleError when origin does not show it afterwards.
    """
    release, commit = work.release, work.fixture.release_commit
    work.look_again()
    if releases.decide_tag(work.origin.tags.get(release.tag), commit, release.tag) == "done":
        work.fixture = replace(work.fixture, tag_pushed=True)
        return False
    git_tags.create_tag(release.workspace, release.tag, commit, release.label, sign=release.settings.sign_tags)
    if release.settings.sign_tags:
        git_tags.verify_tag(release.workspace, release.tag)
    work.fixture = replace(work.fixture, tag_pushed=True)
    try:
        git_remote.push_tag(release.workspace, release.origin_url, release.origin_token, release.tag)
    except RefusedError:
        work.look_again()
        work.fixture = replace(work.fixture, tag_pushed=release.tag in work.origin.tags)
        raise
    work.look_again()
    if work.origin.tags.get(release.tag) != commit:
        raise NotVisibleError(Problem(f"origin does not show tag {release.tag!r}", "the pushed tag", "look again"))
    return True


def publish_release(work: Work) -> bool:
    """The move that makes the release public where that is what starts the publish workflow; True when it was done now."""
    found = _own_release(work)
    if found is None or releases.decide_publication(found, work.fixture.artifacts) == "done":
        return False
    github_releases.publish_release(work.release.hub, found)
    seen = _own_release(work)
    if seen is None or seen.draft:
        problem = Problem(f"the release of {work.release.tag!r} is still a draft", "a public release", "look again")
        raise NotVisibleError(problem)
    return True


def _own_release(work: Work) -> GithubRelease | None:
    release = work.release
    found = github_releases.find_releases(release.hub, release.tag)
    return releases.decide_draft(found, release.tag, work.fixture.release_commit)


def _notes(work: Work) -> str:
    release = work.release
    previous = work.fixture.previous_version
    made = github.generate_notes(release.hub, release.tag, work.fixture.release_commit)
    return made.body or f"{release.label}, after {previous or 'no earlier release'}."


@task(**policy("wait"))
def wait_for_publish(release: Release) -> StepResult:
    """Step 9: find the workflow run that the tag started, and follow it to its end.

    Raises NotVisibleError when no run appears or it does not end in time, RefusedError when it fails or did not publish.
    """
    return carry_out(release, "wait", _wait_for_publish)


def _wait_for_publish(work: Work) -> StepResult:
    release, known = work.release, work.fixture.workflow_run
    if known is not None and known.conclusion == runs.SUCCESS:
        return StepResult("already done", f"{known.url} succeeded")
    workflow, _, _ = checks.find_workflow(release, work.origin)
    with Progress(f"publish-{release.slug}", f"{workflow.file} for {release.tag}") as progress:
        found = find_run(work, workflow, progress)
        work.fixture = replace(work.fixture, workflow_run=_recorded(found))
        verdict = follow_run(work, workflow, found, progress)
    return StepResult("done", verdict.text)


def find_run(work: Work, workflow: PublishWorkflow, progress: Progress) -> Run:
    """Look until the run of this tag and commit appears.

    Where the workflow can be started by hand it is, once, when none appeared; otherwise raises NotVisibleError saying why.
    """
    release, commit, memory = work.release, work.fixture.release_commit, Memory()
    for waited in polls(RUN_APPEARS_SECONDS):
        listed = github_actions.list_runs(release.hub, workflow.file, memory)
        found = runs.find_run(listed, tag=release.tag, commit=commit, workflow=workflow.path)
        if found is not None:
            return found
        progress.say(0, f"no run of {workflow.file} yet, after {waited:.0f} s")
    state = github.observe_workflow(release.hub, workflow.file)
    problem = runs.missing_run(workflow.path, state, tag=release.tag, commit=commit, waited=RUN_APPEARS_SECONDS)
    raise NotVisibleError(problem)


def follow_run(work: Work, workflow: PublishWorkflow, run: Run, progress: Progress) -> runs.Verdict:
    """Follow a run to its end, at most one look per poll; records how it ended.

    Raises RefusedError for a run that failed or did not publish, NotVisibleError after the configured time.
    """
    release, memory = work.release, Memory()
    for waited in polls(release.settings.publish_timeout):
        seen = github_actions.read_run(release.hub, run.id, memory)
        if seen is None:
            raise refused(
                f"run {run.html_url} is gone", "the publish run", "find out who deleted it; see what the index has"
            )
        jobs = github_actions.list_jobs(release.hub, seen)
        pending = github_actions.list_pending_deployments(release.hub, seen) if seen.status in runs.WAITING else ()
        verdict = runs.judge_run(seen, jobs, workflow.job_name, pending)
        progress.say(_percent(jobs), verdict.text)
        if verdict.state in {"success", "failure"}:
            work.fixture = replace(work.fixture, workflow_run=_recorded(seen))
        if verdict.state == "success":
            return verdict
        if verdict.problem is not None:
            raise RefusedError(verdict.problem, *_log_advice(work, seen))
        log.debug("After %.0f s: %s", waited, verdict.text)
    raise NotVisibleError(
        Problem(
            f"{run.html_url} did not end within {release.settings.publish_timeout / 3600:g} hours", "a finished run",
            "see what it waits for; the same command goes on waiting",
        )
    )  # fmt: skip


def _percent(jobs: tuple[object, ...]) -> float:
    ended = sum(1 for job in jobs if getattr(job, "conclusion", None))
    return 100.0 * ended / len(jobs) if jobs else 0.0


def _recorded(run: Run) -> WorkflowRun:
    return WorkflowRun(run.id, run.run_attempt, run.html_url, run.event, run.conclusion or "")


def _log_advice(work: Work, run: Run) -> tuple[Problem, ...]:
    """What the failed run's log says of the index's answer, with advice; nothing when there is no log to read."""
    with tempfile.TemporaryDirectory(dir=work.release.workspace.parent) as folder:
        archive = Path(folder) / "logs.zip"
        if github_actions.download_logs(work.release.hub, run, archive, LOG_LIMIT_BYTES) is None:
            return ()
        texts = log_archive.read_archive(archive, LOG_LIMIT_BYTES).texts
    found = index_error("\n".join(texts.values()))
    if found is None:
        return ()
    code, advice = found
    return (Problem(f"the log of the publish run says {code}", "an upload that the index takes", advice),)


@task(**policy("logs"))
def capture_logs(release: Release) -> StepResult:
    """Step 11: keep what the publish run's log says of the uploads; the fixture is committed for the last time.

    Logs that are gone are recorded as gone.
    """
    return carry_out(release, "logs", _capture_logs)


def _capture_logs(work: Work) -> StepResult:
    if work.fixture.log is None:
        work.fixture = replace(work.fixture, log=_read_log(work))
    kept = work.fixture.log
    changed = finish_fixture(work)
    says = (
        "the logs are gone"
        if kept is None or kept.gone
        else f"{len(kept.uploads)} upload lines, archive {kept.sha256[:12]}"
    )
    return StepResult("done" if changed else "already done", f"{says}; {work.release.fixture_path} is complete")


def _read_log(work: Work) -> PublishLog:
    release, known = work.release, work.fixture.workflow_run
    run = github_actions.read_run(release.hub, known.id) if known else None
    with tempfile.TemporaryDirectory(dir=release.workspace.parent) as folder:
        archive = Path(folder) / "logs.zip"
        if run is None or github_actions.download_logs(release.hub, run, archive, LOG_LIMIT_BYTES) is None:
            return PublishLog("", 0, (), gone=True)
        logs = log_archive.read_archive(archive, LOG_LIMIT_BYTES)
        release.store.put(archive)
    lines = tuple(mask_secrets(line) for text in logs.texts.values() for line in upload_lines(text))
    return PublishLog(logs.sha256, logs.size, lines)


def finish_fixture(work: Work) -> bool:
    """The move that commits the finished fixture; True when there was anything to commit."""
    work.fixture = work.fixture.ended("logs", now())
    return commit_fixture(work, f"Complete the record of {work.release.label}")
