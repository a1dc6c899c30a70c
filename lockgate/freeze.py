"""The freeze calendar: the days on which no scheduled release starts.

An entry is a weekday (`Fri`), a day (`2026-12-24`), a day of every year (`12-24`), or two of these days with a slash
between them (`2026-12-20/2027-01-03`, `12-20/01-03`; ISO 8601's interval), both days included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHORT_LETTERS = 3
LONGEST_DAYS = 800
_DAY = re.compile(r"(?:(?P<year>\d{4})-)?(?P<month>\d{2})-(?P<day>\d{2})")
_LEAP_YEAR = 2024
_EXPECTED = "a weekday (Fri), a day (2026-12-24, or 12-24 of every year), or two days with / between them"


@dataclass(frozen=True, slots=True)
class Period:
    """Days that an entry covers: a weekday (0 is Monday), or first to last as ISO texts, without a year for every year."""

    text: str
    weekday: int | None = None
    first: str = ""
    last: str = ""

    def covers(self, day: date) -> bool:
        """Whether this day is frozen."""
        if self.weekday is not None:
            return day.weekday() == self.weekday
        now = day.isoformat()[-len(self.first) :]
        if self.first <= self.last:
            return self.first <= now <= self.last
        return now >= self.first or now <= self.last


def read_period(text: str) -> Period:
    """The period that an entry of the calendar means; ValueError says what was expected."""
    plain = text.strip()
    for number, name in enumerate(WEEKDAYS):
        if plain.lower() in (name, name[:SHORT_LETTERS]):
            return Period(plain, weekday=number)
    first, slash, last = plain.partition("/")
    first, last = _day(first), _day(last if slash else first)
    if len(first) != len(last):
        raise ValueError(f"{_EXPECTED}; both with a year, or both without")
    if len(first) > len("12-24") and last < first:
        raise ValueError(f"{_EXPECTED}, the earlier one first")
    return Period(plain, first=first, last=last)


def frozen_by(day: date, calendar: Iterable[str]) -> str:
    """The entry of the calendar that freezes this day; "" when none does. ValueError for an entry that is none."""
    return next((one.text for one in map(read_period, calendar) if one.covers(day)), "")


def frozen_until(day: date, calendar: Iterable[str]) -> date | None:
    """The first day from this one on that is not frozen; None when there is none within two years."""
    entries = tuple(calendar)
    days = (day + timedelta(days=number) for number in range(LONGEST_DAYS))
    return next((one for one in days if not frozen_by(one, entries)), None)


def _day(text: str) -> str:
    found = _DAY.fullmatch(text.strip())
    if found is None:
        raise ValueError(_EXPECTED)
    try:
        date(int(found["year"] or _LEAP_YEAR), int(found["month"]), int(found["day"]))
    except ValueError as error:
        raise ValueError(f"{_EXPECTED} ({error})") from error
    return text.strip()
