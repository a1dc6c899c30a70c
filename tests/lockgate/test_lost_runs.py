from __future__ import annotations

import pytest

from lockgate.lost_runs import (
    FORGET_SECONDS,
    SETTLE_SECONDS,
    START_ELSEWHERE_SECONDS,
    START_SECONDS,
    Cure,
    Symptoms,
    judge,
)


@pytest.mark.parametrize(
    ("state", "age", "process", "again", "cure"),
    [
        ("RUNNING", SETTLE_SECONDS, False, 0, "again"),
        ("RUNNING", SETTLE_SECONDS, False, 2, "again"),
        ("RUNNING", SETTLE_SECONDS, False, 3, "crashed"),
        ("RUNNING", SETTLE_SECONDS - 1, False, 0, "leave"),
        ("RUNNING", 1e6, True, 0, "leave"),
        ("RUNNING", 1e6, None, 0, "leave"),
        ("PENDING", START_SECONDS, False, 0, "again"),
        ("PENDING", START_SECONDS - 1, False, 0, "leave"),
        ("PENDING", 1e6, True, 0, "leave"),
        ("PENDING", START_ELSEWHERE_SECONDS - 1, None, 0, "leave"),
        ("PENDING", START_ELSEWHERE_SECONDS, None, 0, "again"),
        ("PENDING", START_ELSEWHERE_SECONDS, None, 3, "crashed"),
        ("CANCELLING", SETTLE_SECONDS, False, 0, "cancelled"),
        ("CANCELLING", 1e6, True, 0, "leave"),
        ("CRASHED", SETTLE_SECONDS, False, 0, "again"),
        ("CRASHED", SETTLE_SECONDS - 1, False, 0, "leave"),
        ("CRASHED", SETTLE_SECONDS, False, 3, "leave"),
        ("CRASHED", FORGET_SECONDS, False, 0, "leave"),
        ("PAUSED", 1e6, False, 0, "leave"),
        ("COMPLETED", 1e6, False, 0, "leave"),
    ],
)
def test_only_what_lost_its_process_is_started_again(
    state: str, age: float, process: bool | None, again: int, cure: Cure
) -> None:
    assert judge(Symptoms(state, age, process, again), limit=3) == cure


def test_nothing_is_started_again_where_nobody_wants_it() -> None:
    assert judge(Symptoms("RUNNING", 60, False, 0), limit=0) == "crashed"
    assert judge(Symptoms("CRASHED", 60, False, 0), limit=0) == "leave"
