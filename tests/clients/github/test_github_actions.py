"""Runs, jobs, logs and the acts on them, against GitHub's stand-in with its faults."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clients import github_actions
from clients.github_api import Memory
from clients.http import Download
from lockgate.errors import RefusedError, UnavailableError
from lockgate.github import GitHub, Run
from lockgate.publish_logs import NoLogs
from lockgate.runs import find_run, judge_run
from sandbox.faults import Fault
from sandbox.world import Sandbox

FILE, TAG, LIMIT = "publish.yml", "v1.1.0", 10_000_000
IDLE_SECONDS = 60


@pytest.fixture
def finished(forge: Sandbox, hub: GitHub, push_tag: Callable[[str], None]) -> Run:
    """The completed run of a pushed tag."""
    push_tag(TAG)
    forge.wait_idle(IDLE_SECONDS)
    (run,) = github_actions.list_runs(hub, FILE)
    return run


def test_before_the_tag_there_is_no_run(hub: GitHub) -> None:
    assert github_actions.list_runs(hub, FILE) == ()
    assert github_actions.list_runs(hub, "unknown.yml") == ()
    assert github_actions.read_run(hub, 1) is None


def test_the_run_of_a_tag_is_found_and_judged(hub: GitHub, finished: Run, commit: str) -> None:
    assert (finished.event, finished.head_branch, finished.head_sha) == ("push", TAG, commit)
    assert (finished.status, finished.conclusion, finished.run_attempt) == ("completed", "success", 1)
    runs = github_actions.list_runs(hub, FILE)
    assert find_run(runs, tag=TAG, commit=commit, workflow=f".github/workflows/{FILE}") == finished
    assert github_actions.read_run(hub, finished.id) == finished
    jobs = github_actions.list_jobs(hub, finished)
    assert [(job.name, job.conclusion) for job in jobs] == [("build", "success"), ("publish", "success")]
    assert judge_run(finished, jobs, ["publish"]).state == "success"


def test_a_run_that_filtered_lists_do_not_show_yet_is_found(
    forge: Sandbox, hub: GitHub, push_tag: Callable[[str], None]
) -> None:
    forge.faults.add(Fault("hidden-run", options={"lookups": 1000}))
    push_tag(TAG)
    assert len(github_actions.list_runs(hub, FILE)) == 1


def test_a_poll_costs_nothing_while_nothing_changes(forge: Sandbox, hub: GitHub, finished: Run) -> None:
    memory: Memory = {}
    first = github_actions.read_run(hub, finished.id, memory)
    assert github_actions.read_run(hub, finished.id, memory) == first == finished
    github_actions.rerun_failed(hub, finished)
    seen = github_actions.read_run(hub, finished.id, memory)
    assert seen is not None
    assert seen.run_attempt == 2
    forge.wait_idle(IDLE_SECONDS)


def test_a_run_that_never_appears_is_started_by_hand(
    forge: Sandbox, hub: GitHub, push_tag: Callable[[str], None], commit: str
) -> None:
    forge.faults.add(Fault("missing-run"))
    push_tag(TAG)
    assert github_actions.list_runs(hub, FILE) == ()
    run_id = github_actions.dispatch(hub, FILE, TAG)
    forge.wait_idle(IDLE_SECONDS)
    found = find_run(github_actions.list_runs(hub, FILE), tag=TAG, commit=commit, workflow=FILE)
    assert found is not None
    assert (found.id, found.event, found.conclusion) == (run_id, "workflow_dispatch", "success")


def test_a_dispatch_for_a_ref_that_is_not_there_is_refused(hub: GitHub) -> None:
    with pytest.raises(RefusedError, match=r"While starting 'publish.yml' for 'v9'.*answered 422"):
        github_actions.dispatch(hub, FILE, "v9")


def test_waiting_for_a_reviewer_is_shown_with_the_name(
    forge: Sandbox, hub: GitHub, push_tag: Callable[[str], None]
) -> None:
    forge.set_environment("pypi", reviewers=["ada", "octo"])
    push_tag(TAG)
    forge.wait_idle(IDLE_SECONDS)
    (run,) = github_actions.list_runs(hub, FILE)
    (pending,) = github_actions.list_pending_deployments(hub, run)
    assert (pending.environment, pending.reviewers, pending.current_user_can_approve) == ("pypi", ("ada", "octo"), True)
    verdict = judge_run(run, github_actions.list_jobs(hub, run), "publish", [pending])
    assert verdict.text == f"The run waits until one of ada, octo approves pypi: {run.html_url}"
    with pytest.raises(RefusedError, match=f"re-running the failed jobs of workflow run {run.id}"):
        github_actions.rerun_failed(hub, run)


def test_a_run_that_waits_for_nothing_has_no_pending_deployments(hub: GitHub, finished: Run) -> None:
    assert github_actions.list_pending_deployments(hub, finished) == ()


def test_a_deployment_that_is_not_allowed_fails_the_publishing_job(
    forge: Sandbox, hub: GitHub, push_tag: Callable[[str], None]
) -> None:
    forge.set_environment("pypi", policies=[("main", "branch")])
    push_tag(TAG)
    forge.wait_idle(IDLE_SECONDS)
    (run,) = github_actions.list_runs(hub, FILE)
    verdict = judge_run(run, github_actions.list_jobs(hub, run), ["publish"])
    assert (verdict.state, [job.name for job in verdict.failed]) == ("failure", ["publish"])
    forge.set_environment("pypi", policies=[("v*", "tag")])
    github_actions.rerun_failed(hub, run)
    forge.wait_idle(IDLE_SECONDS)
    again = github_actions.read_run(hub, run.id)
    assert again is not None
    assert (again.run_attempt, again.conclusion) == (2, "success")


def test_logs_are_streamed_into_a_file(hub: GitHub, finished: Run, tmp_path: Path) -> None:
    found = github_actions.download_logs(hub, finished, tmp_path / "logs.zip", LIMIT)
    assert isinstance(found, Download)
    assert found.size == (tmp_path / "logs.zip").stat().st_size
    assert any("publish" in name for name in zipfile.ZipFile(found.path).namelist())


def test_logs_over_the_limit_are_refused(hub: GitHub, finished: Run, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="sent more than 10 bytes"):
        github_actions.download_logs(hub, finished, tmp_path / "logs.zip", 10)
    assert not (tmp_path / "logs.zip").exists()


def test_it_is_told_why_there_are_no_logs(forge: Sandbox, hub: GitHub, finished: Run, tmp_path: Path) -> None:
    forge.expire_logs(finished.id)
    runs = (finished, replace(finished, run_attempt=9))
    found = [github_actions.download_logs(hub, run, tmp_path / "logs.zip", LIMIT) for run in runs]
    whys = [one.why for one in found if isinstance(one, NoLogs)]
    assert whys == ["GitHub keeps the logs of this run no longer (410)", "GitHub has no logs of this run (404)"]


@pytest.mark.parametrize(
    "fault", [Fault("refuse", "storage"), Fault("error", "storage"), Fault("drop-reply", "storage")]
)
def test_a_storage_that_is_down_is_an_outage(
    forge: Sandbox, hub: GitHub, finished: Run, tmp_path: Path, fault: Fault
) -> None:
    forge.faults.add(fault)
    with pytest.raises(UnavailableError) as caught:
        github_actions.download_logs(hub, finished, tmp_path / "logs.zip", LIMIT)
    assert "sig=" not in str(caught.value)


def test_the_link_is_followed_without_token_and_headers(
    script: Any, scripted_hub: GitHub, some_run: Run, tmp_path: Path
) -> None:
    logs = f"/repos/octo/pkg/actions/runs/{some_run.id}/attempts/1/logs"
    script.answer(logs, "", 302, Location="/storage/logs.zip?sig=hidden")
    script.answer("/storage/logs.zip", "zip")
    assert github_actions.download_logs(scripted_hub, some_run, tmp_path / "logs.zip", LIMIT) is not None
    (_, first), (path, second) = script.asked
    assert path == "/storage/logs.zip?sig=hidden"
    assert first["authorization"] == "Bearer ghp_marker"
    assert "ghp_marker" not in str(second)
    assert not {name for name in second if name.startswith("x-")}
    assert "github" not in second["accept"]


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_link_that_does_not_work_is_an_outage(
    script: Any, scripted_hub: GitHub, some_run: Run, tmp_path: Path, status: int
) -> None:
    logs = f"/repos/octo/pkg/actions/runs/{some_run.id}/attempts/1/logs"
    script.answer(logs, "", 302, Location="/storage/logs.zip")
    script.answer("/storage/logs.zip", "expired", status)
    with pytest.raises(UnavailableError, match="the link that GitHub gave did not work"):
        github_actions.download_logs(scripted_hub, some_run, tmp_path / "logs.zip", LIMIT)


def test_a_link_to_something_else_than_the_web_is_refused(
    script: Any, scripted_hub: GitHub, some_run: Run, tmp_path: Path
) -> None:
    logs = f"/repos/octo/pkg/actions/runs/{some_run.id}/attempts/1/logs"
    script.answer(logs, "", 302, Location="file:///etc/passwd")
    with pytest.raises(RefusedError, match="it is no https address"):
        github_actions.download_logs(scripted_hub, some_run, tmp_path / "logs.zip", LIMIT)


@pytest.fixture
def some_run() -> Run:
    """A completed run that nobody has to make."""
    page = "https://forge.test/runs/7"
    return Run(7, "Publish", f".github/workflows/{FILE}", "push", "completed", "success", TAG, "a" * 40, page, 1)


def test_a_lost_reply_of_a_rerun_is_seen_by_the_attempt(forge: Sandbox, hub: GitHub, finished: Run) -> None:
    forge.faults.add(Fault("drop-reply", match="rerun-failed-jobs"))
    with pytest.raises(UnavailableError):
        github_actions.rerun_failed(hub, finished)
    seen = github_actions.read_run(hub, finished.id)
    assert seen is not None
    assert seen.run_attempt == 2
    forge.wait_idle(IDLE_SECONDS)


def test_a_token_that_may_not_start_runs_is_refused(
    forge: Sandbox, hub: GitHub, push_tag: Callable[[str], None]
) -> None:
    push_tag(TAG)
    forge.grant(actions="read")
    with pytest.raises(RefusedError, match="with the permission actions=write"):
        github_actions.dispatch(hub, FILE, TAG)
    forge.wait_idle(IDLE_SECONDS)
