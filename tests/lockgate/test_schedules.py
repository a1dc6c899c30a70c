"""What a scheduled run does with a repository, case by case."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from lockgate.errors import Problem, SettingsError
from lockgate.request import Request
from lockgate.schedules import Outlook, Schedule, Verdict, is_same_repository, judge_outlook, outcome, too_late

FRIDAY = date(2026, 11, 27)
DIRTY = Problem("2 changed files", "a clean tree", "commit them")


def outlook(**seen: object) -> Outlook:
    """A repository with two commits since v1.0.0, and what the case is about."""
    return Outlook("demo", "1.1.0", **{"previous": "v1.0.0", "commits": ("Add weeks", "Say so"), **seen})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "kind", "why"),
    [
        (outlook(), "start", "demo 1.1.0: 2 commits since v1.0.0 (Add weeks; Say so)"),
        (outlook(previous="", commits=()), "start", "demo 1.1.0: the first release"),
        (outlook(commits=()), "nothing", "demo: no commits since v1.0.0 besides release commits"),
        (outlook(released=True), "nothing", "demo 1.1.0 is released"),
        (
            outlook(problems=(DIRTY,)),
            "refused",
            "demo 1.1.0: 2 changed files. Expected: a clean tree. Next: commit them.",
        ),
        (outlook(calendar=("Fri",)), "frozen", "demo: Frozen until 2026-11-28 (freeze Fri)"),
        (outlook(calendar=("Fri", "Sat", "Sun")), "frozen", "demo: Frozen until 2026-11-30 (freeze Fri)"),
        (outlook(calendar=("Thu",)), "start", "demo 1.1.0: 2 commits since v1.0.0 (Add weeks; Say so)"),
        (outlook(calendar=("Fri",), commits=()), "nothing", "demo: no commits since v1.0.0 besides release commits"),
        (outlook(pending="1.0.0"), "go on", "demo 1.0.0 is tagged and not finished: it goes on"),
        (outlook(active="run a waits for a person"), "under way", "demo: run a waits for a person"),
    ],
)
def test_a_repository_comes_to_one_verdict_and_says_why(seen: Outlook, kind: str, why: str) -> None:
    verdict = judge_outlook(seen, FRIDAY)
    assert (verdict.kind, verdict.why) == (kind, why)


def test_a_pending_publish_goes_on_through_a_freeze_and_problems() -> None:
    verdict = judge_outlook(outlook(pending="1.0.0", calendar=("Fri",), problems=(DIRTY,)), FRIDAY)
    assert verdict == Verdict("go on", verdict.why, "1.0.0")


def test_a_run_at_work_is_never_joined_by_a_second_one() -> None:
    assert judge_outlook(outlook(pending="1.0.0", active="run a waits"), FRIDAY).kind == "under way"


@pytest.mark.parametrize(
    ("kinds", "name", "good"),
    [
        (["nothing", "nothing"], "Nothing to release", True),
        (["nothing", "start"], "Started", True),
        (["under way", "go on"], "Started", True),
        (["under way", "nothing", "frozen"], "Under way", True),
        (["start", "refused"], "Refused", False),
        (["start", "unavailable"], "Unavailable", False),
        (["unavailable", "misconfigured"], "Misconfigured", False),
    ],
)
def test_the_state_is_named_after_what_needs_attention_most(kinds: list[str], name: str, good: bool) -> None:
    assert outcome([Verdict(kind, "demo: why") for kind in kinds]) == (name, good)  # type: ignore[arg-type]


def test_a_freeze_shows_its_end_in_the_state() -> None:
    frozen = judge_outlook(outlook(calendar=("11-27/11-30",)), FRIDAY)
    assert outcome([Verdict("nothing", "demo: nothing"), frozen]) == ("Frozen until 2026-12-01", True)


@pytest.mark.parametrize(
    ("hour", "newer", "words"),
    [
        (9, "", ""),
        (22, "", "13.0 hours ago, and nothing ran it; at most 12 hours count"),
        (9, "run b", "run b, which was due later, looks instead"),
    ],
)
def test_a_late_run_gives_way_and_says_why(hour: int, newer: str, words: str) -> None:
    due = datetime(2026, 11, 27, 9, tzinfo=UTC)
    said = too_late(due, due.replace(hour=hour), 12, newer)
    assert words in said
    assert bool(said) is bool(words)


def test_the_day_is_the_schedules_own() -> None:
    """Late on Thursday in UTC it is Friday in Tokyo."""
    schedule = Schedule((Request("x"),), timezone="Asia/Tokyo")
    assert schedule.today(datetime(2026, 11, 26, 20, tzinfo=UTC)) == FRIDAY


def test_all_that_is_wrong_with_a_schedule_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Schedule((), freeze=("Fri", "someday"), timezone="Mars/Olympus").today(datetime.now(UTC))
    assert "'someday'" in str(caught.value)
    assert "releases is empty" in str(caught.value)
    assert "'Mars/Olympus'" in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://github.com/o/n.git", "git@github.com:o/n.git", True),
        ("https://github.com/o/n", "ssh://git@github.com/o/n.git", True),
        ("https://github.com/o/n", "https://github.com/o/m", False),
        ("https://github.com/o/n", "https://example.org/o/n", False),
        ("http://127.0.0.1:4000/o/n.git", "http://127.0.0.1:4001/o/n.git", False),
        ("/srv/n", "/srv/n", True),
        ("/srv/n", "/srv/m", False),
    ],
)
def test_a_repository_is_known_however_it_is_written(one: str, other: str, same: bool) -> None:
    assert is_same_repository(one, other) is same
