"""The five cases of every move that the step catalogue names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.errors import RefusedError, TransientError
from lockgate.steps import CHART
from tests.stages import RUNS_SECONDS, Stage, Stages
from tests.tasks.moves import SCENARIOS, Scenario

MOVES = [(step.key, move) for step in CHART for move in step.moves]
MOVES += [("abort", move) for move in ("draft", "commits", "run")]
"""The way back's, which belong to no step."""


@pytest.fixture(params=MOVES, ids=[f"{key}: {move}" for key, move in MOVES])
def scenario(request: pytest.FixtureRequest) -> Scenario:
    assert request.param in SCENARIOS, f"the move {request.param} of the step catalogue has no five cases in moves.py"
    return SCENARIOS[request.param]


@pytest.fixture
def stage(scenario: Scenario, stages: Stages, tmp_path: Path) -> Iterator[Stage]:
    folder = tmp_path / "stage"
    if scenario.prepare is None:
        made = stages.copy(scenario.at, folder)
    else:
        name = f"{scenario.at}-{getattr(scenario.prepare, '__name__', '')}"
        made = stages.derive(name, scenario.at, folder, scenario.prepare)
    with made as started:
        yield started
        assert started.sandbox.problems == []


def test_no_cases_are_kept_for_a_move_that_is_none() -> None:
    assert set(SCENARIOS) == set(MOVES)


def attempt(scenario: Scenario, stage: Stage) -> object:
    """One attempt, and all that it sets off."""
    try:
        return scenario.attempt(stage)
    finally:
        stage.sandbox.wait_idle(RUNS_SECONDS)


def test_absent_is_acted_on(scenario: Scenario, stage: Stage) -> None:
    before = scenario.changes(stage)
    attempt(scenario, stage)
    assert scenario.changes(stage) - before == scenario.adds


def test_there_and_the_same_is_left_alone(scenario: Scenario, stage: Stage) -> None:
    attempt(scenario, stage)
    after, everything = scenario.changes(stage), stage.changes(".")
    attempt(scenario, stage)
    assert scenario.changes(stage) == after
    assert stage.changes(".") == everything


def test_there_and_different_is_refused(scenario: Scenario, stage: Stage) -> None:
    scenario.differ(stage)
    before = scenario.changes(stage)
    if scenario.refuse is not None:
        said = scenario.refuse(stage, scenario.attempt)
    else:
        with pytest.raises(RefusedError) as refusal:
            attempt(scenario, stage)
        said = str(refusal.value)
    assert re.search(scenario.refusal, said, re.DOTALL)
    assert scenario.changes(stage) == before


def test_an_outage_is_transient_and_over_when_it_is_over(scenario: Scenario, stage: Stage) -> None:
    before = scenario.changes(stage)
    with scenario.down(stage), pytest.raises(TransientError):
        attempt(scenario, stage)
    assert scenario.changes(stage) == before
    attempt(scenario, stage)
    assert scenario.changes(stage) - before == scenario.adds


def test_after_a_lost_reply_the_next_attempt_notices_its_own_work(scenario: Scenario, stage: Stage) -> None:
    before = scenario.changes(stage)
    scenario.lose(stage, scenario.attempt)
    for _ in range(2):
        attempt(scenario, stage)
        assert scenario.changes(stage) - before == scenario.adds
