"""Runs that lost their process, or were killed between Prefect's pause and its form: no answer to those is ever taken."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal

import pytest
from prefect import flow
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.input import RunInput, keyset_from_paused_state
from prefect.states import Running, Suspended

from clients import locks
from flows.lost_runs import NEVER_STORED, POOL, TAG, ask_anew, take_up
from flows.pauses import Asked, ask
from lockgate.claims import Claim
from planning.release import store_of
from planning.turns import write_claim
from tests.flow_runs import Run, Runs

YES = {"decision": "approve"}


class Form(RunInput):
    """A decision without a default, as every form has."""

    decision: Literal["approve", "decline"]


@flow(name="release", persist_result=False)
def release() -> str:
    return ask(Form, Asked("tests", "A question", "## A question", ("approve",), (), 600))[0].decision


def killed_before_its_form(runs: Runs) -> Run:
    """A run as `suspend_flow_run` leaves it when it is killed between its two calls."""
    deployment = runs.client.create_deployment(runs.client.create_flow(release), "killed")
    run = Run(runs.client, release, runs.client.create_flow_run_from_deployment(deployment).id, set())
    runs.client.set_flow_run_state(run.id, Running(), force=True)
    state = Suspended(timeout_seconds=600, pause_key="tests-0")
    state.state_details.run_input_keyset = keyset_from_paused_state(state)
    assert runs.client.set_flow_run_state(run.id, state).status == "ACCEPT"
    return run


@pytest.mark.parametrize(("host", "cures"), [(locks.here(), ["again"]), ("another-machine", [])])
def test_a_run_is_judged_on_the_machine_that_its_claim_names(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, cures: list[str]
) -> None:
    """Also where no other worker is online: a machine may be at work without reaching the server."""
    monkeypatch.setenv("LOCKGATE_HOME", str(tmp_path))
    monkeypatch.setattr("lockgate.lost_runs.SETTLE_SECONDS", 0.0)
    with contextlib.suppress(ObjectAlreadyExists):
        runs.client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    deployment = runs.client.create_deployment(runs.client.create_flow(release), "elsewhere")
    run = runs.client.create_flow_run_from_deployment(deployment, tags=[TAG])
    runs.client.set_flow_run_state(run.id, Running(), force=True)
    claim = Claim(str(run.id), "sample 1.0.0", "2026-11-26T00:00:00Z", host, str(tmp_path), "")
    assert write_claim(store_of(os.environ), "example/sample", claim)
    assert [cure for one, cure in take_up(runs.client, "here", limit=3) if one.id == run.id] == cures


def test_a_question_that_was_never_stored_is_asked_anew(runs: Runs) -> None:
    run = killed_before_its_form(runs)
    assert runs.client.resume_flow_run(run.id, run_input=YES).status == "REJECT"
    assert run.id in [one.id for one in ask_anew(runs.client)]
    assert (run.state.name, run.state.message) == ("AwaitingRetry", NEVER_STORED)
    assert run.begin().asks().answer(**YES).status == "ACCEPT"
    assert run.resumed().ends().result() == "approve"


def test_a_question_that_is_stored_is_left_alone(runs: Runs) -> None:
    run = runs.begin(release, deployed=True)
    waiting = run.asks()
    assert run.id not in [one.id for one in ask_anew(runs.client)]
    assert waiting.answer(**YES).status == "ACCEPT"
    assert run.resumed().ends().result() == "approve"
