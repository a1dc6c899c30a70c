"""How Prefect runs a step: names, retries, delays and time limits, read from the step catalogue."""

from __future__ import annotations

from typing import Any

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from lockgate.errors import DeadlineError, RateLimitedError, TransientError
from lockgate.steps import step

JITTER = 0.3
LONGEST_WAIT_SECONDS = 300.0


def policy(key: str) -> dict[str, Any]:
    """The options of `prefect.task` for a step.

    Nothing is cached: a step that runs again looks again, and finds what it did before.
    No tags: Prefect asks its server for a slot of each tag before each attempt, which took up to two seconds a step.
    """
    one = step(key)
    return {
        "name": one.title,
        "task_run_name": one.title,
        "description": f"{one.needs} Changes: {one.changes}",
        "retries": one.retries,
        "retry_delay_seconds": list(one.delays),
        "retry_jitter_factor": JITTER,
        "retry_condition_fn": is_transient,
        "timeout_seconds": one.timeout,
        "cache_policy": NO_CACHE,
        "persist_result": False,
    }


def is_transient(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether the error that ended this attempt is worth another one: what waited long enough, or has to, is not."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, RateLimitedError):
        return error.wait_seconds <= LONGEST_WAIT_SECONDS
    return isinstance(error, TransientError) and not isinstance(error, DeadlineError)
