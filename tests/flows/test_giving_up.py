"""A release that a person gives up at a checkpoint, in Prefect's dialog: shown, asked about, taken back."""

from __future__ import annotations

import pytest

from flows.release_flow import release
from lockgate.outcome import ExitCode
from lockgate.request import Request
from sandbox.faults import Fault
from tests.flow_runs import git

ABORT = {"decision": "abort", "approver": "Bob", "note": "rounds wrongly"}
SLOW = pytest.mark.slow


def begin(runs, sandbox, *, deployed: bool, version: str = "1.1.0"):
    return runs.begin(release, deployed=deployed, request=Request(sandbox.origin_url, version, requested_by="ada"))


def main_of(sandbox) -> str:
    return git(sandbox.folder / "origin.git", "rev-parse", "main^{tree}")


@pytest.mark.parametrize("deployed", [pytest.param(False, marks=SLOW), True], ids=["paused", "suspended"])
def test_abort_lists_what_was_left_asks_about_the_branch_and_takes_it_back(runs, sandbox, deployed):
    untouched = main_of(sandbox)
    run = begin(runs, sandbox, deployed=deployed)
    waiting = run.asks()
    assert waiting.schema["properties"]["decision"]["enum"] == ["approve", "decline", "abort"]
    assert main_of(sandbox) != untouched
    waiting.answer(**ABORT)
    asked = run.resumed().asks()
    assert asked.schema["properties"]["decision"]["enum"] == ["yes", "no"]
    assert "1 commit on origin's 'main'" in asked.brief
    assert "push one commit that reverts them" in asked.brief
    asked.answer(decision="yes")
    name, report = run.resumed().report()
    assert (name, report.exit_code) == ("Aborted", ExitCode.REFUSED)
    assert report.refusals[0].seen.startswith("Bob gave lockgate-sample 1.1.0 up")
    assert "lockgate release 1.1.0" in report.refusals[0].next
    assert main_of(sandbox) == untouched
    again = begin(runs, sandbox, deployed=deployed)
    assert "Complete test suite" in again.asks().brief, "nothing is in the way of the same version"
    runs.cancel(again)


@SLOW
def test_a_no_leaves_the_branch_and_says_how_to_take_it_back_later(runs, sandbox):
    run = begin(runs, sandbox, deployed=True)
    run.asks().answer(**ABORT)
    pushed = main_of(sandbox)
    run.resumed().asks().answer(decision="no")
    name, report = run.resumed().report()
    assert (name, main_of(sandbox)) == ("Aborted", pushed)
    assert f"take back the rest: `lockgate abort 1.1.0 --repository {sandbox.origin_url}`" in report.refusals[0].next


def test_a_decline_says_what_stays_where_and_both_commands(runs, sandbox):
    run = begin(runs, sandbox, deployed=False)
    run.asks().answer(decision="decline", approver="Bob", note="wrong environment")
    name, report = run.report()
    assert name == "Declined"
    left = report.refusals[-1]
    assert left.seen.startswith("lockgate-sample 1.1.0 left behind: 1 commit on origin's 'main'")
    assert f"`lockgate release 1.1.0 --repository {sandbox.origin_url}`" in left.next
    assert f"`lockgate abort 1.1.0 --repository {sandbox.origin_url}`" in left.next


@SLOW
def test_after_the_tag_the_choice_burns_the_version(runs, sandbox):
    sandbox.faults.add(Fault("failed-publish", "github", times=1))
    run = begin(runs, sandbox, deployed=False)
    for _ in range(2):
        run.asks().answer(decision="approve", approver="Ada", note="the night build")
    rerun = run.asks()
    assert "Run the failed jobs again?" in rerun.brief
    rerun.answer(**ABORT)
    run.asks().answer(decision="yes")
    name, report = run.report()
    assert (name, report.exit_code) == ("Aborted", ExitCode.STOPPED_AFTER_TAG)
    assert "take 1.1.1 next" in report.refusals[0].next
