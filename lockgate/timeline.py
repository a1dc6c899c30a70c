"""The timeline of a release: when it worked, when it waited for people, when for GitHub; made from its fixture alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from lockgate.fixture import Fixture, StepTime, is_complete
from lockgate.markdown import link, prose, table
from lockgate.steps import step

Kind = Literal["working", "waiting for people", "waiting for GitHub", "not running"]
MARKS: dict[Kind, str] = {
    "working": "█",
    "waiting for people": "▒",
    "waiting for GitHub": "░",
    "not running": "·",
}
WIDTH = 40
GAP_SECONDS = 2.0
HISTORY = 10
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the release's time; `number` is the step's (0: between two steps), times are seconds since 1970."""

    number: int
    title: str
    kind: Kind
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


def spans(fixture: Fixture) -> tuple[Span, ...]:
    """The parts in the order of time: the finished steps, and what lies between them.

    A gap belongs to the people whose answers fall into it; without an answer nothing ran.
    """
    done = sorted((one for one in fixture.steps if one.finished), key=lambda one: one.started)
    found: list[Span] = []
    for one in done:
        if found and _seconds(one.started) - found[-1].end >= GAP_SECONDS:
            found.append(_gap(fixture, found[-1].end, _seconds(one.started)))
        found.append(_span(one))
    return tuple(found)


def totals(parts: Iterable[Span]) -> dict[Kind, float]:
    """The seconds of each kind, without the kinds that there are none of."""
    sums: dict[Kind, float] = {}
    for one in parts:
        sums[one.kind] = sums.get(one.kind, 0.0) + one.seconds
    return sums


def picture(fixture: Fixture) -> str:
    """The timeline as a Markdown table with a bar for each part; "" before the first step is finished."""
    parts = spans(fixture)
    if not parts:
        return ""
    first, last = parts[0].start, max(one.end for one in parts)
    rows = [
        (
            str(one.number or ""),
            prose(one.title),
            start,
            _unbroken(duration(one.seconds)),
            f"`{_bar(one, first, last)}`",
        )
        for one, start in zip(parts, _starts(parts), strict=True)
    ]
    legend = " ".join(f"`{mark}` {kind}" for kind, mark in MARKS.items() if kind in totals(parts))
    return (
        f"## Timeline\n\n{_took(last - first, parts)}\n\n"
        f"{table(('', 'step', 'from (UTC)', 'took', ''), rows)}\n\n{legend}\n"
    )


def history(fixtures: Sequence[Fixture], hosts: Sequence[str]) -> str:
    """The newest releases of a project as a Markdown table, the newest first; "" without any. Links lead to the hosts only."""
    done = sorted((one for one in fixtures if is_complete(one) and spans(one)), key=_ended, reverse=True)
    if not done:
        return ""
    rows = [_history_row(one, hosts) for one in done[:HISTORY]]
    header = ("version", "finished", "took", *(kind for kind in MARKS if kind != "not running"))
    return f"## Releases of {prose(done[0].project)}\n\n{table(header, rows)}\n"


def duration(seconds: float) -> str:
    """A duration in its two largest units."""
    left, words = round(seconds), []
    for size, unit in UNITS:
        if left >= size:
            words.append(f"{left // size} {unit}")
            left %= size
    return " ".join(words[:2]) or "under 1 s"


def _history_row(fixture: Fixture, hosts: Sequence[str]) -> tuple[str, ...]:
    parts = spans(fixture)
    sums = totals(parts)
    cells = (_unbroken(duration(sums[kind])) if kind in sums else "" for kind in MARKS if kind != "not running")
    took = duration(parts[-1].end - parts[0].start)
    url = fixture.urls.get("index")
    version = link(fixture.version, url, hosts) if url else prose(fixture.version)
    return (version, _clock(parts[-1].end), _unbroken(took), *cells)


def _took(seconds: float, parts: Sequence[Span]) -> str:
    sums = totals(parts)
    each = ", ".join(f"{kind} {duration(sums[kind])}" for kind in MARKS if kind in sums)
    return f"Took {duration(seconds)}: {each}."


def _gap(fixture: Fixture, start: float, end: float) -> Span:
    who = [one.approver or "a person" for one in fixture.approvals if start <= _seconds(one.time) <= end]
    if who:
        return Span(0, f"waiting for {', '.join(dict.fromkeys(who))}", "waiting for people", start, end)
    return Span(0, "nothing ran", "not running", start, end)


def _span(one: StepTime) -> Span:
    found = step(one.key)
    kind: Kind = "waiting for GitHub" if found.kind == "wait" else "working"
    return Span(found.number, found.title, kind, _seconds(one.started), _seconds(one.finished))


def _bar(one: Span, first: float, last: float) -> str:
    scale = WIDTH / max(last - first, 1.0)
    start = min(int((one.start - first) * scale), WIDTH - 1)
    length = max(1, min(round((one.end - first) * scale), WIDTH) - start)
    return _unbroken((" " * start + MARKS[one.kind] * length).ljust(WIDTH))


def _ended(fixture: Fixture) -> float:
    return max(one.end for one in spans(fixture))


def _starts(parts: Sequence[Span]) -> Iterator[str]:
    """When each part began: the day is named where it begins, the clock always."""
    day = ""
    for one in parts:
        date, clock = _clock(one.start).split()
        yield clock if date == day else f"{date} {clock}"
        day = date


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _unbroken(words: str) -> str:
    """The same words, for a cell of a table that wraps."""
    return words.replace(" ", "\u00a0")


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
