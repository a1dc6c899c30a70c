"""No step is answered from a result that Prefect kept: of another step, of an earlier attempt, or of other code."""

from __future__ import annotations

from typing import Any

import pytest
from prefect import Flow, flow, task
from prefect.settings import PREFECT_RESULTS_PERSIST_BY_DEFAULT, temporary_settings

from tasks.policy import policy
from tests.flow_runs import Runs


def two_steps(edition: str, seen: list[str], *, fails: bool) -> Flow[..., Any]:
    """A flow of two steps that are given the same value; `edition` stands for the text of their code."""

    @task(**policy("export"))
    def export(this: str) -> str:
        seen.append(f"export {edition}")
        return f"{this} is exported by {edition}"

    @task(**policy("wait"))
    def wait(this: str) -> str:
        seen.append(f"wait {edition}")
        return f"{this} is published by {edition}"

    @flow(name="two-steps", persist_result=False)
    def steps() -> list[str]:
        done = [export("1.0"), wait("1.0")]
        if fails:
            raise OSError("no network")
        return done

    return steps


@pytest.mark.parametrize("keeps", [False, True], ids=["", "kept by default"])
def test_steps_share_no_result_and_a_retry_looks_again_with_the_code_of_now(runs: Runs, keeps: bool) -> None:
    """Also where the server's or the worker's settings ask Prefect to keep every result."""
    seen: list[str] = []
    with temporary_settings({PREFECT_RESULTS_PERSIST_BY_DEFAULT: keeps}):
        run = runs.begin(two_steps("old code", seen, fails=True))
        assert run.ends().is_failed()
        run.flow = two_steps("new code", seen, fails=False)
        assert run.retry(force=True).ends().result() == ["1.0 is exported by new code", "1.0 is published by new code"]
        assert seen == ["export old code", "wait old code", "export new code", "wait new code"]
        assert [one.state_name for one in run.settled_task_runs()] == ["Completed"] * 4
