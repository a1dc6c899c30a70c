"""Scheduled releases: what a schedule asks for, and what each repository comes to on a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lockgate.errors import Problem, SettingsError
from lockgate.freeze import frozen_by, frozen_until, read_period
from lockgate.github import host_of, slug_of
from lockgate.origins import canonical
from lockgate.request import Request

HOUR_SECONDS = 3600.0
SHOWN_COMMITS = 3

Kind = Literal["start", "go on", "under way", "frozen", "nothing", "refused", "unavailable", "misconfigured"]
STARTS = ("start", "go on")


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a scheduled release looks after."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True, "extra": "forbid"}

    releases: tuple[Request, ...]
    """One request for each repository. `patch`, `minor` … start a release when there are commits since the last one."""

    freeze: tuple[str, ...] = ()
    """No release starts on these days, besides those in a project's own settings: Fri, 2026-12-24, 12-20/01-03."""

    timezone: str = "UTC"
    """The time zone whose days the freeze calendar means, such as Europe/Berlin."""

    latest_start_hours: float = 12.0
    """A run that starts more hours than this after its time, because nothing ran it, does nothing."""

    deployment: str = "release/release"
    """The deployment that runs each release, as FLOW/DEPLOYMENT."""

    def today(self, now: datetime) -> date:
        """The day that it is in the schedule's time zone.

        Raises SettingsError, with all that is wrong with the schedule, for an unknown zone or a calendar that cannot be read.
        """
        problems = [_no_period(entry, words) for entry in self.freeze if (words := _unreadable(entry))]
        if not self.releases:
            problems.append(Problem("releases is empty", "a request for each repository", "add one to the schedule"))
        try:
            zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            problems.append(
                Problem(
                    f"timezone is {self.timezone!r}",
                    "a name such as Europe/Berlin or UTC",
                    "correct it in the schedule",
                )
            )
        if problems:
            raise SettingsError(*problems)
        return now.astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class Outlook:
    """What was seen of one repository: the version that its request comes to, and what lies between it and the last release.

    `pending` is a version whose tag is out and whose release is not finished; `released` tells that the version is out;
    `commits` are the subjects since the last release without Lockgate's own; `active` names a run that works on the
    repository already; `problems` are step 1's; `calendar` are the frozen days of settings and schedule.
    """

    project: str
    version: str
    previous: str = ""
    pending: str = ""
    released: bool = False
    commits: tuple[str, ...] = ()
    active: str = ""
    problems: tuple[Problem, ...] = ()
    calendar: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one repository, why in one sentence, and the version to release where one is."""

    kind: Kind
    why: str
    version: str = ""


def judge_outlook(seen: Outlook, day: date) -> Verdict:
    """What a scheduled run does with a repository on this day.

    A release whose tag is out goes on whatever the calendar says; a run that works on the repository is left alone.
    """
    if seen.active:
        return Verdict("under way", f"{seen.project}: {seen.active}")
    if seen.pending:
        why = f"{seen.project} {seen.pending} is tagged and not finished: it goes on"
        return Verdict("go on", why, seen.pending)
    if seen.released:
        return Verdict("nothing", f"{seen.project} {seen.version} is released")
    if seen.previous and not seen.commits:
        return Verdict("nothing", f"{seen.project}: no commits since {seen.previous} besides release commits")
    if entry := frozen_by(day, seen.calendar):
        return Verdict("frozen", f"{seen.project}: {until(day, seen.calendar)} (freeze {entry})")
    if seen.problems:
        return Verdict("refused", f"{seen.project} {seen.version}: {' '.join(map(str, seen.problems))}")
    return Verdict("start", f"{seen.project} {seen.version}: {_commits(seen)}", seen.version)


def until(day: date, calendar: Sequence[str]) -> str:
    """Until when a frozen day's freeze lasts, in words."""
    free = frozen_until(day, calendar)
    return "Frozen until the calendar changes" if free is None else f"Frozen until {free.isoformat()}"


def outcome(verdicts: Sequence[Verdict]) -> tuple[str, bool]:
    """The name of the state that a scheduled run ends in, and whether it is a good one.

    The first that is true of any repository: one was refused, could not be looked at, was started, is worked on, is frozen.
    """
    kinds = {one.kind for one in verdicts}
    for kind, name in (("misconfigured", "Misconfigured"), ("refused", "Refused"), ("unavailable", "Unavailable")):
        if kind in kinds:
            return name, False
    if kinds & set(STARTS):
        return "Started", True
    if "under way" in kinds:
        return "Under way", True
    frozen = [one.why for one in verdicts if one.kind == "frozen"]
    if frozen:
        return frozen[0].split(": ", 1)[1].partition(" (")[0], True
    return "Nothing to release", True


def is_same_repository(one: str, other: str) -> bool:
    """Whether two git addresses name the same repository: the same host, owner and name, however they are written, in any case."""
    slugs = [canonical(slug_of(url) or "") for url in (one, other)]
    return one == other or (host_of(one), slugs[0]) == (host_of(other), slugs[1]) != ("", "")


def too_late(due: datetime, now: datetime, limit_hours: float, newer: str) -> str:
    """Why a scheduled run gives way after a downtime; "" when it does not.

    `newer` names a run of the same schedule that was due later and is due by now: of several missed starts only the
    last one counts.
    """
    hours = (now - due).total_seconds() / HOUR_SECONDS
    if newer:
        return f"Due at {due:%Y-%m-%d %H:%M} UTC; {newer}, which was due later, looks instead"
    if hours > limit_hours:
        return (
            f"Due at {due:%Y-%m-%d %H:%M} UTC, {hours:.1f} hours ago, and nothing ran it; at most {limit_hours:g} hours"
            " count. The next scheduled run looks again"
        )
    return ""


def _commits(seen: Outlook) -> str:
    if not seen.commits:
        return "the first release" if not seen.previous else "asked for"
    shown = "; ".join(seen.commits[:SHOWN_COMMITS]) + (" …" if len(seen.commits) > SHOWN_COMMITS else "")
    since = f"since {seen.previous}" if seen.previous else "and no release yet"
    return f"{len(seen.commits)} commits {since} ({shown})"


def _unreadable(entry: str) -> str:
    try:
        read_period(entry)
    except ValueError as error:
        return str(error)
    return ""


def _no_period(entry: str, expected: str) -> Problem:
    return Problem(f"freeze holds {entry!r}", expected, "correct it in the schedule")
