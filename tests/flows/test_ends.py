"""How a run of the whole flow ends, by name; and what is tried again on the way."""

from __future__ import annotations

import pytest

from flows.release_flow import release
from lockgate.outcome import ExitCode
from lockgate.request import Request
from lockgate.steps import CHART, STEPS, step
from sandbox.faults import Fault

START = CHART[0].title
YES = {"decision": "approve", "approver": "Ada"}
MINOR = {"version": "minor", "requested_by": "ada", "approve_all": True, "tested": "the night build"}


def changes(sandbox) -> list[str]:
    """What was changed outside, in short."""
    return [one["what"] for one in sandbox.journal]


def test_plan_is_all_that_a_dry_run_makes(runs, sandbox):
    run = runs.begin(release, request=Request(sandbox.origin_url, "minor", dry_run=True))
    name, report = run.report()
    assert name == "Planned"
    assert report.exit_code == ExitCode.RELEASED
    assert [one.step for one in report.plan.findings] == [one.key for one in STEPS]
    assert [one.name for one in run.task_runs] == [START]
    assert changes(sandbox) == []


def test_outage_is_tried_again_by_the_step(runs, sandbox):
    sandbox.faults.add(Fault("error", "index", match="GET /simple/", times=1, options={"status": 503}))
    run = runs.begin(release, request=Request(sandbox.origin_url, "minor", dry_run=True))
    assert run.report()[0] == "Planned"
    (start,) = run.task_runs
    assert start.run_count == 2


@pytest.mark.slow
def test_outage_that_lasts_ends_as_unavailable_and_changes_nothing(runs, sandbox):
    sandbox.faults.add(Fault("error", "index", times=1000, options={"status": 503}))
    run = runs.begin(release, request=Request(sandbox.origin_url, **MINOR))
    name, report = run.report(seconds=120)
    assert name == "Unavailable"
    assert report.exit_code == ExitCode.UNAVAILABLE
    (start,) = run.task_runs
    assert start.run_count == 1 + step("start").retries
    assert changes(sandbox) == []


def test_refusal_is_not_tried_again(runs, sandbox):
    run = runs.begin(release, request=Request(sandbox.origin_url, "1.0.0"))
    run.asks().answer(decision="abort", approver="Ada")
    name, report = run.report()
    assert name == "Refused"
    assert report.exit_code == ExitCode.REFUSED
    (refusal,) = report.refusals
    assert (refusal.step, refusal.seen) == (1, "1.0.0 is taken: tagged as v1.0.0")
    assert [(one.name, one.state.name, one.run_count) for one in run.task_runs] == [
        (START, "Completed", 1),
        (STEPS[0].title, "Failed", 1),
    ]


def test_request_that_makes_no_sense_is_misconfigured(runs, sandbox):
    name, report = runs.begin(release, request=Request(sandbox.origin_url, "soon")).report()
    assert name == "Misconfigured"
    assert report.exit_code == ExitCode.SETTINGS


@pytest.mark.slow
def test_failed_publish_stops_after_the_point_of_no_return(runs, sandbox):
    sandbox.faults.add(Fault("failed-publish", "github", times=1))
    run = runs.begin(release, request=Request(sandbox.origin_url, **MINOR))
    name, report = run.report(seconds=180)
    assert name == "Stopped"
    assert report.exit_code == ExitCode.STOPPED_AFTER_TAG
    assert {one.step for one in report.refusals} == {9}
    assert "refs/tags/v1.1.0" in str(sandbox.journal)


@pytest.mark.slow
def test_whole_road_with_a_person_who_first_declines(runs, sandbox):
    """Nothing is tagged before everything was approved; what was declined is begun anew, and asked anew."""
    first = runs.begin(release, deployed=True, request=Request(sandbox.origin_url, "minor", requested_by="ada"))
    first.asks().answer(**YES, note="the night build")
    first.resumed().asks().answer(decision="decline", approver="Bob", note="wrong environment")
    name, report = first.resumed().report(seconds=120)
    assert (name, report.exit_code) == ("Declined", ExitCode.REFUSED)
    assert "refs/tags" not in str(sandbox.journal)

    second = first.retry(force=True)
    waiting = second.asks()
    assert "Complete test suite" in waiting.brief
    assert "begins anew from main: `Bob` declined" in waiting.brief
    waiting.answer(**YES, note="the night build")
    second.resumed().asks().answer(**YES)
    name, report = second.resumed().report(seconds=120)
    assert name == "Released"
    assert str(sandbox.journal).count("refs/tags/v1.1.0") == 1
    outcomes = {one.key: one.outcome for one in report.steps}
    assert outcomes["artifacts"] == outcomes["pre-release"] == "already done"
