"""The freeze calendar, entry by entry."""

from __future__ import annotations

from datetime import date

import pytest

from lockgate.freeze import frozen_by, frozen_until, read_period

THURSDAY = date(2026, 12, 24)


@pytest.mark.parametrize(
    ("entry", "day", "frozen"),
    [
        ("Thu", THURSDAY, True),
        ("thursday", THURSDAY, True),
        ("Fri", THURSDAY, False),
        ("2026-12-24", THURSDAY, True),
        ("2027-12-24", THURSDAY, False),
        ("12-24", THURSDAY, True),
        ("12-25", THURSDAY, False),
        ("2026-12-20/2027-01-03", date(2027, 1, 3), True),
        ("2026-12-20/2027-01-03", date(2027, 1, 4), False),
        ("12-20/01-03", date(2031, 1, 3), True),
        ("12-20/01-03", date(2031, 12, 20), True),
        ("12-20/01-03", date(2031, 6, 1), False),
        ("02-29", date(2028, 2, 29), True),
    ],
)
def test_an_entry_covers_its_days(entry: str, day: date, frozen: bool) -> None:
    assert read_period(entry).covers(day) is frozen
    assert frozen_by(day, [entry]) == (entry if frozen else "")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("someday", "a weekday"),
        ("Sunshine", "a weekday"),
        ("Fri 15:00", "a weekday"),
        ("2026-02-30", "day is out of range"),
        ("2026-12-20/01-03", "both with a year"),
        ("2027-01-03/2026-12-20", "the earlier one first"),
        ("", "a weekday"),
    ],
)
def test_what_is_no_entry_is_refused_with_what_was_expected(entry: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_period(entry)


def test_the_first_free_day_is_named_across_entries() -> None:
    """A freeze that ends on a Friday lasts over a frozen weekend."""
    assert frozen_until(THURSDAY, ["12-20/12-25", "Sat", "Sun"]) == date(2026, 12, 28)
    assert frozen_until(THURSDAY, []) == THURSDAY


def test_a_calendar_of_every_weekday_has_no_end() -> None:
    assert frozen_until(THURSDAY, ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]) is None
