"""A publish run that failed: who is asked, and what an answer does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prefect import flow

from flows.ending import Trail, stopped
from flows.failed_runs import wait_or_rerun
from lockgate.errors import LockgateError
from lockgate.outcome import StepResult
from lockgate.request import Request
from planning.opening import open_release
from sandbox.faults import Fault
from tests.acts import attempt
from tests.stages import Stage

BACK = "Run the failed jobs again?"


@pytest.fixture
def failed(at: Callable[[str], Stage]) -> Stage:
    """A release whose tag is out and whose publish run fails once."""
    stage = at("export")
    stage.sandbox.faults.add(Fault("failed-publish", options={"text": "HTTPError: 400 Bad Request"}))
    attempt(stage, "export")
    stage.sandbox.wait_idle(60)
    return stage


def step_nine(stage: Stage, **request):
    """Step 9 as the release's flow has it."""
    asked = Request(stage.sandbox.origin_url, "minor", requested_by="schedule", **request)

    @flow(name="step nine", persist_result=False)
    def waits():
        trail = Trail(asked)
        trail.release = open_release(asked, stage.environ())
        try:
            return wait_or_rerun(trail.release, StepResult("done", "")).evidence
        except LockgateError as error:
            return stopped(trail, error)

    return waits


@pytest.mark.slow
def test_a_scheduled_release_waits_for_a_person_and_runs_the_failed_jobs_again(runs, failed: Stage) -> None:
    run = runs.begin(step_nine(failed, unattended=True), deployed=True)
    waiting = run.asks()
    assert waiting.state.name == "Suspended"
    assert BACK in waiting.brief
    assert "ended with failure" in waiting.brief
    waiting.answer(decision="approve", approver="Ada")
    assert "succeeded" in str(run.resumed().ends().result())
    assert failed.changes("rerun-failed-jobs") == 1


def test_nobody_is_asked_when_everything_is_answered_with_yes(runs, failed: Stage) -> None:
    state = runs.begin(step_nine(failed, approve_all=True)).ends()
    assert state.name == "Stopped"
    assert "re-run the failed jobs" in str(state.message)
    assert failed.changes("rerun-failed-jobs") == 0
