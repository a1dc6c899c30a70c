"""Reminders: what waits for a person, since when, for whom, what happens next, and when the waiting ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal, Protocol

from lockgate.errors import Problem
from lockgate.texts import plain

UPLOAD_DAYS = 14
"""How many days after its first file an index takes further files of a release (PyPI's upload rules)."""

HOUR = timedelta(hours=1)
Action = Literal["leave", "remind", "escalate", "expire"]
EXPIRE: Action = "expire"


@dataclass(frozen=True, slots=True)
class Reminders:
    """How people are reminded of what waits for them."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True, "extra": "forbid"}

    notify: str = ""
    """The notification block that reminds, as TYPE/NAME, such as slack-webhook/releases. Empty: the table only."""

    escalate: str = ""
    """The notification block for what has waited too long. Empty: the same as `notify`."""

    remind_after_hours: float = 4.0
    """What has waited for fewer hours is listed, and nobody is reminded of it."""

    escalate_after_hours: float = 24.0
    """What has waited for so many hours is escalated, at every run."""

    expire_after_hours: float = 0.0
    """What has waited for so many hours ends as Expired. 0: only at the checkpoint's own deadline."""

    index: str = ""
    """The index whose 14 days after a first upload are watched. Empty: the default one."""


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A release that waits: its run, the question's title, who may answer (nobody named: anyone), what an answer starts."""

    run_id: str
    release: str
    title: str
    since: datetime
    deadline: datetime | None = None
    who: str = ""
    starts: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class UploadWindow:
    """A release of which the index has some files and lacks others, and the time after which it takes no more."""

    release: str
    missing: tuple[str, ...]
    closes: datetime


class UploadedFile(Protocol):
    """A file on the index, with the time of its upload."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def uploaded(self) -> str | None:
        """An ISO 8601 time, None where the index does not say."""


def decide(waiting: WaitingRun, reminders: Reminders, now: datetime) -> Action:
    """What is done about a waiting run now."""
    waited = now - waiting.since
    if waiting.deadline is not None and now >= waiting.deadline:
        return "expire"
    if 0 < reminders.expire_after_hours <= waited / HOUR:
        return "expire"
    if waited / HOUR >= reminders.escalate_after_hours:
        return "escalate"
    return "remind" if waited / HOUR >= reminders.remind_after_hours else "leave"


def expired(waiting: WaitingRun, now: datetime) -> Problem:
    """Why an unanswered checkpoint ended, and how the release is taken up again."""
    return Problem(
        f"nobody answered {waiting.title!r} within {_hours(now - waiting.since)}",
        f"an answer of {waiting.who or 'anyone'}",
        "start the release again, or retry this run, when somebody is there: it begins anew, from what is pushed then",
    )


def sentence(waiting: WaitingRun, now: datetime) -> str:
    """A waiting run as a reminder says it."""
    deadline = f" Ends {_time(waiting.deadline)}." if waiting.deadline else ""
    starts = f" A yes starts {plain(waiting.starts)}" if waiting.starts else ""
    release, who = plain(waiting.release), plain(waiting.who) or "anyone"
    said = f"{release} has waited {_hours(now - waiting.since)} for {who}: {plain(waiting.title)}.{starts}{deadline}"
    return f"{said} {waiting.page}".strip()


def row(waiting: WaitingRun, action: Action, now: datetime, *, told: bool) -> dict[str, str]:
    """A waiting run as a line of the table; "reminded" stands there only when a message went out."""
    silent = "nobody was told"
    done = {
        "leave": "",
        "remind": "reminded" if told else silent,
        "escalate": "escalated" if told else silent,
        "expire": "expired",
    }
    return {
        "release": waiting.release,
        "waits for": waiting.title,
        "since": f"{_time(waiting.since)} ({_hours(now - waiting.since)})",
        "of whom": waiting.who or "anyone",
        "what happens next": waiting.starts or "the run goes on as the answer says",
        "ends": _time(waiting.deadline) if waiting.deadline else "never",
        "now": done[action],
        "page": waiting.page,
    }


def upload_window(release: str, built: Iterable[str], found: Sequence[UploadedFile]) -> UploadWindow | None:
    """The window of a release of which the index has some files but not all; None for all other releases."""
    names = {one.name for one in found}
    missing = tuple(sorted(set(built) - names))
    times = [datetime.fromisoformat(one.uploaded) for one in found if one.uploaded]
    if not missing or not times:
        return None
    first = min(one if one.tzinfo else one.replace(tzinfo=UTC) for one in times)
    return UploadWindow(release, missing, first + timedelta(days=UPLOAD_DAYS))


def window_sentence(window: UploadWindow, now: datetime) -> str:
    """A window as a reminder says it."""
    what = f"{plain(window.release)} is half on the index: {plain(', '.join(window.missing))} is missing"
    if now >= window.closes:
        return f"{what}, and since {_time(window.closes)} the index takes no further file: release another version."
    left = (window.closes - now) / timedelta(days=1)
    return f"{what}. The index takes it for {left:.1f} more days, until {_time(window.closes)}."


def window_row(window: UploadWindow, now: datetime) -> dict[str, str]:
    """A window as a line of the table."""
    left = (window.closes - now) / timedelta(days=1)
    return {
        "release": window.release,
        "waits for": f"upload of {', '.join(window.missing)}",
        "what happens next": "the release goes on when it is started again",
        "ends": _time(window.closes),
        "now": f"{left:.1f} days left" if left > 0 else "closed",
    }


def _hours(time: timedelta) -> str:
    hours = time / HOUR
    number, unit = (round(hours), "hour") if hours >= 1 else (round(hours * 60), "minute")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
