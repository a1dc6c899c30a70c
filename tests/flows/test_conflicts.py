"""The documented back edge: a conflict at step 1 asks, and step 1 runs again."""

from __future__ import annotations

import os

import pytest
from prefect import flow

from flows.conflicts import check_version_or_ask, start
from flows.ending import Trail, stopped
from lockgate.errors import LockgateError
from lockgate.request import Request
from lockgate.steps import CHART
from planning import record
from planning.opening import open_release
from tests.flow_runs import git

SLOW = pytest.mark.slow
KINDS = pytest.mark.parametrize("deployed", [pytest.param(False, marks=SLOW), True], ids=["paused", "suspended"])
START, CHECK = CHART[0].title, CHART[1].title


@flow(name="conflicts", persist_result=False)
def first_steps(request: Request):
    """Box A and step 1, and the version that goes on to step 2."""
    trail = Trail(request)
    try:
        this, _ = check_version_or_ask(start(trail), trail)
    except LockgateError as error:
        return stopped(trail, error)
    return str(this.version)


def take(runs, version: str, repository, *, deployed: bool = False, **options):
    return runs.begin(first_steps, deployed=deployed, request=Request(str(repository), version, **options))


@pytest.mark.parametrize("deployed", [False, True], ids=["paused", "suspended"])
def test_dirty_tree_is_put_right_and_tried_again(runs, checkout, deployed):
    (checkout / "left-over.txt").write_text("half an idea\n")
    run = take(runs, "1.1.0", checkout, deployed=deployed)
    waiting = run.asks()
    assert "## lockgate-sample 1.1.0 cannot be released as it is" in waiting.brief
    assert "left-over.txt" in waiting.brief
    assert waiting.schema["properties"]["decision"]["enum"] == ["retry", "another version", "commit", "abort"]
    (checkout / "left-over.txt").unlink()
    waiting.answer(approver="Ada", decision="retry")
    assert run.resumed().ends().result() == "1.1.0"


def test_edited_release_files_are_committed_when_a_person_says_so(runs, sandbox, checkout):
    """The version's file has another edit beside the version, so nothing commits it unasked."""
    (checkout / "VERSION").write_text("1.1.0\n\n")
    run = take(runs, "1.1.0", checkout)
    waiting = run.asks()
    assert "let `VERSION` be committed and pushed (commit), or abort" in waiting.brief
    waiting.answer(approver="Ada", decision="commit")
    assert run.ends().result() == "1.1.0"
    assert git(sandbox.folder / "origin.git", "log", "-1", "--format=%s", "main") == "Update VERSION"


@SLOW
def test_step_one_runs_again_and_nothing_else(runs, checkout):
    (checkout / "left-over.txt").write_text("half an idea\n")
    run = take(runs, "1.1.0", checkout)
    run.asks().answer(approver="Ada", decision="retry")
    waiting = run.asks()
    (checkout / "left-over.txt").unlink()
    waiting.answer(approver="Ada", decision="retry")
    run.ends()
    names = [(one.name, one.state.name) for one in run.settled_task_runs()]
    failed, passed = (CHECK, "Failed"), (CHECK, "Completed")
    assert names == [(START, "Completed"), failed, (START, "Completed"), failed, (START, "Completed"), passed]


@KINDS
def test_another_version_is_taken_in_place_of_a_conflicting_one(runs, sandbox, deployed):
    run = take(runs, "1.0.0", sandbox.origin_url, deployed=deployed)
    waiting = run.asks()
    assert "1.0.0" in waiting.brief
    waiting.answer(approver=" ", decision="another version", version="1.2.0")
    waiting = run.resumed().asks()
    assert "the answer carries no name" in waiting.brief
    waiting.answer(approver="Ada", decision="another version", version="1.2.0")
    assert run.resumed().ends().result() == "1.2.0"
    assert run.known.name == "lockgate-sample 1.2.0"
    (chosen,) = record.kept(open_release(Request(sandbox.origin_url, "1.2.0"), os.environ)).approvals
    assert (chosen.checkpoint, chosen.decision, chosen.approver) == ("conflict", "another version", "Ada")


def test_chosen_version_stays_with_the_run_when_the_conflict_is_gone(runs, checkout):
    """A resumed run starts at the top again, where the tree is clean by now: it is the chosen version all the same."""
    (checkout / "left-over.txt").write_text("half an idea\n")
    run = take(runs, "1.1.0", checkout, deployed=True)
    waiting = run.asks()
    (checkout / "left-over.txt").unlink()
    waiting.answer(approver="Ada", decision="another version", version="1.2.0")
    assert run.resumed().ends().result() == "1.2.0"
    assert run.retry(force=True).ends().result() == "1.2.0"


@SLOW
def test_last_chosen_version_counts(runs, sandbox):
    run = take(runs, "1.0.0", sandbox.origin_url, deployed=True)
    run.asks().answer(approver="Ada", decision="another version", version="0.9")
    waiting = run.resumed().asks()
    assert "lockgate-sample 0.9 cannot be released" in waiting.brief
    waiting.answer(approver="Ada", decision="another version", version="minor")
    assert run.resumed().ends().result() == "1.1.0"


@KINDS
@pytest.mark.parametrize(("version", "words"), [("soon", "'soon'"), pytest.param("", "''", marks=SLOW)])
def test_choice_that_is_no_version_is_asked_again_saying_why(runs, sandbox, deployed, version, words):
    run = take(runs, "1.0.0", sandbox.origin_url, deployed=deployed)
    run.asks().answer(approver="Ada", decision="another version", version=version)
    waiting = run.resumed().asks()
    assert waiting.brief.startswith(f"**{words}")
    assert "PEP 440" in waiting.brief
    assert "lockgate-sample 1.0.0 cannot be released" in waiting.brief
    waiting.answer(approver="Ada", decision="another version", version="1.1.0")
    assert run.resumed().ends().result() == "1.1.0"


@KINDS
@pytest.mark.parametrize("force", [True, pytest.param(False, marks=SLOW)], ids=["V2", "V1"])
def test_abort_ends_with_the_conflict_and_a_retry_asks_anew(runs, sandbox, deployed, force):
    if not deployed and not force:
        pytest.skip("Prefect refuses this retry for a run without a deployment")
    run = take(runs, "1.0.0", sandbox.origin_url, deployed=deployed)
    run.asks().answer(approver="Ada", decision="abort")
    state = run.resumed().ends()
    assert state.name == "Refused"
    assert "1.0.0" in state.message
    run.retry(force=force).asks().answer(approver="Ada", decision="another version", version="1.1.0")
    assert run.resumed().ends().result() == "1.1.0"


@pytest.mark.parametrize("option", ["unattended", pytest.param("approve_all", marks=SLOW)])
def test_nobody_is_asked_when_nobody_attends(runs, sandbox, option):
    state = take(runs, "1.0.0", sandbox.origin_url, **{option: True}).ends()
    assert state.name == "Refused"
    assert state.message.startswith(f"Step 1 ({CHECK})")


def test_what_only_other_steps_refuse_ends_it_at_once(runs, sandbox):
    sandbox.grant(contents="read")
    state = take(runs, "1.1.0", sandbox.origin_url).ends()
    assert state.name == "Refused"
    assert state.message.startswith("Step 7 (Verify release environment)")


@SLOW
def test_conflict_shows_what_later_steps_refuse_too(runs, sandbox):
    sandbox.grant(contents="read")
    waiting = take(runs, "1.0.0", sandbox.origin_url).asks()
    assert "1.0.0 is taken: tagged as v1.0.0" in waiting.brief
    assert "### What later steps refuse now" in waiting.brief
    assert "a token with the permission contents=write" in waiting.brief
    waiting.answer(approver="Ada", decision="another version", version="1.1.0")
    state = waiting.run.ends()
    assert state.name == "Refused"
    assert state.message.startswith("Step 7 (Verify release environment)")
