"""What is done about a release that waits, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lockgate.publication import IndexFile
from lockgate.reminders import (
    Reminders,
    WaitingRun,
    decide,
    expired,
    row,
    sentence,
    upload_window,
    window_row,
    window_sentence,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def waiting(hours: float, **more: object) -> WaitingRun:
    """A release that has waited for so many hours."""
    since = NOW - timedelta(hours=hours)
    return WaitingRun("id", "demo 1.1.0", "Freeze, squash and approve migrations", since, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hours", "deadline", "expire_after", "action"),
    [
        (1, None, 0, "leave"),
        (4, None, 0, "remind"),
        (24, None, 0, "escalate"),
        (24, 1, 0, "escalate"),
        (24, 0, 0, "expire"),
        (1, -1, 0, "expire"),
        (47, None, 48, "escalate"),
        (48, None, 48, "expire"),
        (1, None, 1, "expire"),
    ],
)
def test_waiting_is_left_reminded_escalated_and_ended(
    hours: float, deadline: float | None, expire_after: float, action: str
) -> None:
    ends = None if deadline is None else NOW + timedelta(hours=deadline)
    assert decide(waiting(hours, deadline=ends), Reminders(expire_after_hours=expire_after), NOW) == action


def test_a_reminder_says_since_when_for_whom_and_what_happens_next() -> None:
    one = waiting(5, deadline=NOW + timedelta(hours=67), who="ada, bob", starts="the build.", page="http://p/1")
    assert sentence(one, NOW) == (
        "demo 1.1.0 has waited 5 hours for ada, bob: Freeze, squash and approve migrations. A yes starts the build."
        " Ends 2026-11-30 07:00 UTC. http://p/1"
    )
    line = row(one, "remind", NOW, told=True)
    assert (line["since"], line["of whom"], line["now"]) == ("2026-11-27 07:00 UTC (5 hours)", "ada, bob", "reminded")


def test_an_expiry_says_how_to_go_on() -> None:
    said = str(expired(waiting(72), NOW))
    assert "nobody answered 'Freeze, squash and approve migrations' within 72 hours" in said
    assert "an answer of anyone" in said
    assert "start the release again" in said


@pytest.mark.parametrize(
    ("hours", "words"), [(0.5, "30 minutes"), (1 / 60, "1 minute"), (1, "1 hour"), (72, "72 hours")]
)
def test_a_wait_is_said_in_its_unit(hours: float, words: str) -> None:
    assert f"waited {words} for anyone" in sentence(waiting(hours), NOW)


def files(*names: str, uploaded: str | None = "2026-11-20T12:00:00Z") -> list[IndexFile]:
    """Files on the index, uploaded a week ago."""
    return [IndexFile(name, "", None, "", uploaded=uploaded) for name in names]


def test_a_half_upload_has_fourteen_days_from_its_first_file() -> None:
    window = upload_window("demo 1.1.0", ["a.whl", "a.tar.gz"], files("a.whl"))
    assert window is not None
    assert (window.missing, window.closes) == (("a.tar.gz",), datetime(2026, 12, 4, 12, tzinfo=UTC))
    assert "takes it for 7.0 more days, until 2026-12-04 12:00 UTC" in window_sentence(window, NOW)
    assert window_row(window, NOW)["now"] == "7.0 days left"
    late = NOW + timedelta(days=8)
    assert "release another version" in window_sentence(window, late)
    assert window_row(window, late)["now"] == "closed"


@pytest.mark.parametrize("found", [files(), files("a.whl", "a.tar.gz"), files("a.whl", uploaded=None)])
def test_no_upload_a_whole_one_and_one_without_times_have_no_window(found: list[IndexFile]) -> None:
    assert upload_window("demo 1.1.0", ["a.whl", "a.tar.gz"], found) is None
