"""The runs on a Prefect server, in a terminal or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.console import say, say_brief, styled
from lockgate.lines import lines_of

if TYPE_CHECKING:
    from cli.runs import RunView
    from lockgate.waiting import Waiting

COLOURS = {"PAUSED": "yellow", "COMPLETED": "green", "FAILED": "red", "CRASHED": "red", "RUNNING": "cyan"}
MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS = 60, 3600, 86400


def show_runs(console: Console, views: Sequence[RunView], *, as_json: bool) -> None:
    """A table of runs, what waits first; as JSON a list."""
    from cli.runs import SHORT, as_data

    if as_json:
        print(json.dumps([as_data(one) for one in views], indent=2))
        return
    if not views:
        console.print("No release yet.")
        return
    table = Table("run", "release", "state", "since", "what next", box=None, pad_edge=False)
    for one in sorted(views, key=lambda one: one.type != "PAUSED"):
        colour = COLOURS.get(one.type, "white")
        table.add_row(one.id[:SHORT], one.name, Text(one.state, colour), age(one.since), _next(one))
    console.print(table)


def show_run(console: Console, one: RunView, question: Waiting | None, *, as_json: bool) -> None:
    """One run with everything that is known of it, and with what it asks."""
    from cli.runs import as_data

    if as_json:
        asked = asdict(question) if question else None
        print(json.dumps({**as_data(one), "question": asked}, indent=2))
        return
    console.print(styled((one.name, "bold"), f": {one.state} for {age(one.since)}"))
    for name in ("id", "repository", "version", "requested_by", "page"):
        if value := getattr(one, name):
            say(console, f"{name.replace('_', ' '):<13} {value}")
    if question:
        say_brief(console, question.brief)
    elif one.message:
        console.print(one.message)
    console.print(_next(one))


def age(since: str) -> str:
    """How long ago a time was, in words."""
    if not since:
        return ""
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds())
    for unit, name in ((DAY_SECONDS, "d"), (HOUR_SECONDS, "h"), (MINUTE_SECONDS, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{max(seconds, 0)} s"


def _next(one: RunView) -> str:
    """What a person can do."""
    if one.type == "PAUSED":
        return f"{one.asks}: lockgate approve {one.id[:8]}" if one.asks else "wait: its question is being written"
    if one.type in ("FAILED", "CRASHED"):
        return (lines_of(one.message) or [""])[0][:100]
    return {"SCHEDULED": "a worker starts it", "RUNNING": f"lockgate logs {one.id[:8]} --follow"}.get(one.type, "")
