"""The timeline of a release, from its fixture."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.approvals import Approval
from lockgate.fixture import Fixture, StepTime
from lockgate.timeline import duration, history, picture, spans, totals

DAY = "2026-11-27T"
STEPS = (
    StepTime("version", f"{DAY}09:00:00Z", f"{DAY}09:00:10Z"),
    StepTime("migrations", f"{DAY}09:00:10Z", f"{DAY}09:00:11Z"),
    StepTime("pre-release", f"{DAY}10:00:11Z", f"{DAY}10:00:20Z"),
    StepTime("artifacts", f"{DAY}10:30:20Z", f"{DAY}10:31:20Z"),
    StepTime("wait", f"{DAY}10:31:20Z", f"{DAY}10:36:20Z"),
)
YES = Approval("migrations", "approve", "ada", "", f"{DAY}10:00:09Z", "f" * 64, "form")
BEGUN = Fixture("demo", "1.1.0", "o/demo", "main", "v1.1.0", "lockgate", steps=STEPS, approvals=(YES,))
LOGS = StepTime("logs", f"{DAY}10:36:20Z", f"{DAY}10:36:25Z")
DONE = replace(BEGUN, steps=(*STEPS, LOGS), urls={"index": "http://index/demo/1.1.0"})


def _shown(fixture: Fixture) -> str:
    """The picture, with its unbroken words as a person reads them."""
    return picture(fixture).replace("\u00a0", " ")


def test_work_people_github_and_idle_time_are_told_apart() -> None:
    assert [(one.number, one.kind, one.seconds) for one in spans(BEGUN)] == [
        (1, "working", 10),
        (2, "working", 1),
        (0, "waiting for people", 3600),
        (3, "working", 9),
        (0, "not running", 1800),
        (4, "working", 60),
        (9, "waiting for GitHub", 300),
    ]
    assert totals(spans(BEGUN)) == {
        "working": 80, "waiting for people": 3600, "not running": 1800, "waiting for GitHub": 300,
    }  # fmt: skip


def test_the_picture_names_who_was_waited_for_and_sums_up() -> None:
    shown = _shown(BEGUN)
    assert (
        "Took 1 h 36 min: working 1 min 20 s, waiting for people 1 h, waiting for GitHub 5 min, not running 30 min."
        in shown
    )
    assert "| 1 | Check version number availability | 2026-11-27 09:00:00 | 10 s |" in shown
    assert "waiting for ada | 09:00:11 | 1 h |" in shown
    assert "| 9 | Wait for GitHub Actions publish | 10:31:20 | 5 min |" in shown


def test_the_day_is_named_where_it_begins() -> None:
    night = StepTime("logs", "2026-11-27T23:59:59Z", "2026-11-28T00:00:01Z")
    early = StepTime("export", "2026-11-28T00:00:01Z", "2026-11-28T00:00:02Z")
    rows = [row.split(" | ")[2] for row in _shown(replace(BEGUN, steps=(STEPS[0], night, early))).splitlines()[6:-2]]
    assert rows == ["2026-11-27 09:00:00", "09:00:10", "23:59:59", "2026-11-28 00:00:01"]


def test_every_bar_is_as_wide_as_the_others_and_stands_where_its_time_is() -> None:
    bars = [line.rsplit("`", 2)[1] for line in picture(BEGUN).splitlines() if line.count("`") == 2 and "|" in line]
    assert {len(bar) for bar in bars} == {40}
    assert bars[2].count("▒") == 25
    assert bars[-1].endswith("░░")
    assert all(bar.strip("\u00a0") for bar in bars)


def test_a_step_that_is_at_work_and_a_release_without_steps_have_no_bar_yet() -> None:
    assert picture(replace(BEGUN, steps=())) == ""
    assert picture(replace(BEGUN, steps=(StepTime("version", f"{DAY}09:00:00Z"),))) == ""


def test_the_history_has_finished_releases_the_newest_first() -> None:
    older = replace(DONE, version="1.0.0", steps=(STEPS[0], replace(LOGS, finished=f"{DAY}10:36:24Z")))
    rows = history((DONE, BEGUN, older), ("index",)).replace("\u00a0", " ").splitlines()[4:]
    assert rows[0] == (
        "| [1.1.0](<http://index/demo/1.1.0>) | 2026-11-27 10:36:25 | 1 h 36 min | 1 min 25 s | 1 h | 5 min |"
    )
    assert len(rows) == 2
    assert history((BEGUN,), ()) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "under 1 s"), (59, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (90000, "1 d 1 h"), (86401, "1 d 1 s")],
)
def test_a_duration_has_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words
