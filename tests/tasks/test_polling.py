"""Waiting: one look an interval, ever rarer, and never sooner than the outside asked for."""

from __future__ import annotations

import pytest

from lockgate.errors import DeadlineError, Problem, RateLimitedError, UnavailableError
from tasks.work import FIRST_POLL_SECONDS, POLL_GROWTH, poll

PROBLEM = Problem("too many requests", "fewer", "wait")
ASKED_SECONDS = 0.5


class Looks:
    """What is seen at each look: an error, or something; keeps the seconds waited before each."""

    def __init__(self, *seen: Exception | str | None) -> None:
        self.seen = list(seen)
        self.waited: list[float] = []

    def __call__(self, waited: float) -> str | None:
        self.waited.append(waited)
        found = self.seen.pop(0) if self.seen else None
        if isinstance(found, Exception):
            raise found
        return found


def test_it_looks_once_an_interval_and_ever_more_rarely() -> None:
    looks = Looks(None, None, None, "found")
    assert poll(60, looks) == "found"
    gaps = [later - earlier for earlier, later in zip(looks.waited, looks.waited[1:], strict=False)]
    assert len(gaps) == 3
    assert all(gap >= FIRST_POLL_SECONDS * POLL_GROWTH**number for number, gap in enumerate(gaps))


def test_a_wait_that_was_asked_for_is_kept() -> None:
    looks = Looks(RateLimitedError(PROBLEM, wait_seconds=ASKED_SECONDS), "found")
    assert poll(60, looks) == "found"
    assert looks.waited[1] >= ASKED_SECONDS > FIRST_POLL_SECONDS


def test_an_outage_is_waited_out_until_the_deadline() -> None:
    assert poll(60, Looks(UnavailableError(PROBLEM), "found")) == "found"
    with pytest.raises(DeadlineError, match="too many requests"):
        poll(0.2, Looks(*[UnavailableError(PROBLEM)] * 50))
    assert poll(0.2, Looks()) is None
