"""Runs that Prefect believes to be at work though nobody works on them: whether to start them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cure = Literal["leave", "again", "cancelled", "crashed"]

SETTLE_SECONDS = 10.0
"""How long a worker has to report an end itself: both of Prefect's reports arrive within some seconds of it."""

START_SECONDS = 120.0
"""How long a run may take from the worker's hands to its first word."""

START_ELSEWHERE_SECONDS = 600.0
"""The same where nobody can tell which machine starts it."""

FORGET_SECONDS = 24 * 3600.0
"""How old a crash may be for the run to be started again without anybody asking."""


@dataclass(frozen=True, slots=True)
class Symptoms:
    """One run: its state's type and age in seconds, whether a process works for it, how often it was started again already.

    `process` is None where nobody can tell, since it may be on another machine.
    """

    state: str
    age_seconds: float
    process: bool | None
    again: int


def judge(run: Symptoms, limit: int) -> Cure:
    """Whether a run is left alone, started again (at most `limit` times), or said to be cancelled or crashed."""
    worth: Cure = "again" if run.again < limit else "crashed"
    if run.process is None and run.state == "PENDING" and run.age_seconds >= START_ELSEWHERE_SECONDS:
        return worth
    if run.process is not False:
        return "leave"
    if run.state == "RUNNING" and run.age_seconds >= SETTLE_SECONDS:
        return worth
    if run.state == "PENDING" and run.age_seconds >= START_SECONDS:
        return worth
    if run.state == "CANCELLING" and run.age_seconds >= SETTLE_SECONDS:
        return "cancelled"
    recent = SETTLE_SECONDS <= run.age_seconds < FORGET_SECONDS
    return "again" if run.state == "CRASHED" and recent and worth == "again" else "leave"
