"""Step 9: which run is this release's, and what it came to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.github import Job, JobStep, PendingDeployment, Run, WorkflowState
from lockgate.runs import find_run, is_job, judge_run, missing_run, runs_of

SHA, OTHER = "a" * 40, "b" * 40
PAGE = "https://forge.test/runs/1"
RUN = Run(1, "Publish", ".github/workflows/publish.yml", "push", "completed", "success", "v1.0", SHA, PAGE, 7)
BUILD = Job(1, "build", "completed", "success")
PUBLISH = Job(2, "publish", "completed", "success")


def found(*runs: Run) -> Run | None:
    return find_run(runs, tag="v1.0", commit=SHA, workflow=".github/workflows/publish.yml")


@pytest.mark.parametrize(
    "run",
    [
        RUN,
        replace(RUN, event="release"),
        replace(RUN, event="workflow_dispatch"),
        replace(RUN, head_branch="refs/tags/v1.0"),
        replace(RUN, path=".github/workflows/publish.yml@refs/tags/v1.0"),
        replace(RUN, status="queued", conclusion=None),
    ],
)
def test_a_run_of_file_tag_and_commit_is_found_whatever_its_event(run: Run) -> None:
    assert found(replace(RUN, id=9, head_sha=OTHER, run_number=99), run) is run


@pytest.mark.parametrize(
    "run",
    [
        replace(RUN, head_sha=OTHER),
        replace(RUN, head_branch="main"),
        replace(RUN, head_branch="v1.0.1"),
        replace(RUN, head_branch=None),
        replace(RUN, path=".github/workflows/tests.yml"),
    ],
)
def test_another_run_is_not_found_however_new(run: Run) -> None:
    assert found(run) is None


def test_of_several_runs_a_successful_one_counts_else_the_newest() -> None:
    failed = replace(RUN, id=2, run_number=8, conclusion="failure")
    newest = replace(RUN, id=3, run_number=9, status="in_progress", conclusion=None)
    assert found(RUN, failed, newest) is RUN
    assert found(failed, newest) is newest


def test_every_run_of_an_event_is_told_and_no_others() -> None:
    again, released = replace(RUN, id=2, conclusion="failure"), replace(RUN, id=3, event="release")
    others = replace(RUN, id=4, head_branch="v0.9"), replace(RUN, id=5, path=".github/workflows/other.yml")
    listed = [RUN, again, released, *others]
    found = runs_of(listed, tag=RUN.head_branch or "", commit=SHA, workflow="publish.yml", event=RUN.event)
    assert found == (RUN, again)


def test_success_needs_the_publishing_job() -> None:
    verdict = judge_run(RUN, [BUILD, PUBLISH], ["publish"])
    assert (verdict.state, verdict.published, verdict.problem) == ("success", True, None)
    assert PAGE in verdict.text


@pytest.mark.parametrize(
    ("jobs", "words"),
    [
        ([BUILD, replace(PUBLISH, conclusion="skipped")], "succeeded without publishing (publish: skipped)"),
        ([BUILD], "succeeded without publishing (publish: there was no such job)"),
        ([PUBLISH, replace(PUBLISH, name="publish (2)", conclusion="skipped")], "publish (2): skipped"),
        ([], "before any job"),
    ],
)
def test_a_successful_run_that_did_not_publish_is_a_failure(jobs: list[Job], words: str) -> None:
    verdict = judge_run(RUN, jobs, ["publish"])
    assert (verdict.state, verdict.published) == ("failure", False)
    assert verdict.problem is not None
    assert words in verdict.problem.seen


def test_every_publishing_job_must_have_run_and_succeeded() -> None:
    wheels = replace(PUBLISH, name="publish wheels")
    assert judge_run(RUN, [PUBLISH, wheels], ["publish", "publish wheels"]).state == "success"
    for jobs in ([PUBLISH], [PUBLISH, replace(wheels, conclusion="skipped")]):
        verdict = judge_run(RUN, jobs, ["publish", "publish wheels"])
        assert (verdict.state, verdict.published) == ("failure", False)
        assert "publish: success, publish wheels: " in verdict.text
    assert judge_run(RUN, [PUBLISH], []).state == "failure"


def test_a_failure_names_job_and_step() -> None:
    steps = (JobStep("Set up job", 1, "completed", "success"), JobStep("Upload", 2, "completed", "failure"))
    broken = replace(PUBLISH, conclusion="failure", steps=steps)
    verdict = judge_run(replace(RUN, conclusion="failure"), [BUILD, broken], ["publish"])
    assert verdict.failed == (broken,)
    assert "ended with failure: 'publish' (failure in step 'Upload')" in str(verdict.problem)


def test_a_failure_after_publishing_says_so() -> None:
    after = Job(3, "announce", "completed", "failure")
    verdict = judge_run(replace(RUN, conclusion="failure"), [BUILD, PUBLISH, after], ["publish"])
    assert (verdict.state, verdict.published) == ("failure", True)
    assert "'announce' (failure); the publishing job itself succeeded" in verdict.text


@pytest.mark.parametrize(
    "conclusion", ["cancelled", "timed_out", "startup_failure", "neutral", "stale", "unheard_of", None]
)
def test_every_other_conclusion_is_a_failure(conclusion: str | None) -> None:
    assert judge_run(replace(RUN, conclusion=conclusion), [BUILD, PUBLISH], ["publish"]).state == "failure"


def test_a_broken_workflow_file_is_told() -> None:
    verdict = judge_run(replace(RUN, conclusion="startup_failure"), [], ["publish"])
    assert "ended with startup failure before any job" in verdict.text
    assert "correct .github/workflows/publish.yml" in str(verdict.problem)


@pytest.mark.parametrize("status", ["queued", "in_progress", "requested", "pending", "unheard_of", None])
def test_what_is_not_completed_is_pending(status: str | None) -> None:
    assert judge_run(replace(RUN, status=status, conclusion=None), [], ["publish"]).state == "pending"


def test_a_success_that_is_not_completed_is_pending_still() -> None:
    assert judge_run(replace(RUN, status="in_progress"), [PUBLISH], ["publish"]).state == "pending"


def test_waiting_names_reviewers_and_page() -> None:
    pending = [PendingDeployment("pypi", 1, ("octocat", "release-team")), PendingDeployment("x", 2, ("octocat",))]
    verdict = judge_run(replace(RUN, status="waiting", conclusion=None), [BUILD], ["publish"], pending)
    assert (verdict.state, verdict.reviewers) == ("waiting", ("octocat", "release-team"))
    assert verdict.text == f"The run waits until one of octocat, release-team approves pypi, x: {PAGE}"


@pytest.mark.parametrize(
    ("status", "pending", "words"),
    [
        ("waiting", [PendingDeployment("pypi", 1, wait_minutes=30)], "pypi's timer of 30 minutes"),
        ("waiting", [], "a protection rule or an approval on GitHub"),
        ("action_required", [], "a protection rule or an approval on GitHub"),
    ],
)
def test_waiting_without_reviewers_says_for_what(status: str, pending: list[PendingDeployment], words: str) -> None:
    verdict = judge_run(replace(RUN, status=status, conclusion=None), [], ["publish"], pending)
    assert verdict.state == "waiting"
    assert words in verdict.text


@pytest.mark.parametrize(
    ("name", "wanted", "expected"),
    [
        ("publish", "publish", True),
        ("publish (3.11)", "publish", True),
        ("publish-docs", "publish", False),
        ("Publish to index", "Publish to ${{ matrix.target }}", True),
        ("Publish a.b", "Publish a?b", False),
    ],
)
def test_a_job_is_known_by_its_name(name: str, wanted: str, expected: bool) -> None:
    assert is_job(name, wanted) is expected


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "GitHub has registered no such workflow"),
        (WorkflowState(1, "Publish", "p", "disabled_manually"), "the workflow is disabled manually: enable it"),
        (WorkflowState(1, "Publish", "p", "active"), "see whether its triggers match the tag"),
    ],
)
def test_a_missing_run_is_explained(state: WorkflowState | None, words: str) -> None:
    problem = missing_run(".github/workflows/publish.yml", state, tag="v1.0", commit=SHA, waited=120)
    assert problem.seen == "120 seconds after tag 'v1.0' was pushed, publish.yml has no run for it"
    assert words in problem.next
