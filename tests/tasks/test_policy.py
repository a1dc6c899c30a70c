"""What Prefect retries."""

from __future__ import annotations

import pytest
from prefect import flow, task

from lockgate.errors import (
    DeadlineError,
    LockgateError,
    NotVisibleError,
    Problem,
    RateLimitedError,
    RefusedError,
    SettingsError,
    UnavailableError,
)
from tasks.policy import LONGEST_WAIT_SECONDS, is_transient

PROBLEM = Problem("this was seen", "that", "go on")


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (UnavailableError(PROBLEM), 2),
        (NotVisibleError(PROBLEM), 2),
        (RateLimitedError(PROBLEM, wait_seconds=LONGEST_WAIT_SECONDS), 2),
        (RateLimitedError(PROBLEM, wait_seconds=LONGEST_WAIT_SECONDS + 1), 1),
        (DeadlineError(PROBLEM), 1),
        (RefusedError(PROBLEM), 1),
        (SettingsError(PROBLEM), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, LockgateError) else str(value),
)
def test_only_what_may_be_over_at_once_is_tried_again(prefect_api: str, error: LockgateError, attempts: int) -> None:
    seen = []

    @task(retries=1, retry_delay_seconds=0, retry_condition_fn=is_transient)
    def fail() -> None:
        seen.append(error)
        raise error

    @flow
    def once() -> None:
        fail()

    with pytest.raises(type(error)):
        once()
    assert len(seen) == attempts
