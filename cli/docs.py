"""`make docs`: the parts of docs/ that are written from the code, so that they cannot say anything else than it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from lockgate.steps import CHART, NO_NEED, POINT_OF_NO_RETURN, Step
from lockgate.timeline import duration

FOLDER = Path(__file__).parent.parent / "docs"
WRITTEN = "<!-- Written by `make docs` from lockgate/steps.py; a test compares it. -->\n\n"
SHAPES = {
    "start": ("([", "])"),
    "finish": ("([", "])"),
    "checkpoint": ("{{", "}}"),
    "wait": ("[/", "/]"),
    "check": ("[", "]"),
    "change": ("[[", "]]"),
}
KINDS = {
    "check": "looks and decides, all problems at once",
    "change": "changes something outside, and never twice",
    "checkpoint": "a person decides where the settings or the findings ask for it",
    "wait": "waits for the outside, with a deadline",
}


def main() -> None:
    """Write every generated page anew, and say which ones changed."""
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(FOLDER.parent)}")


def dag() -> str:
    """The page about the chart and its steps."""
    return f"{WRITTEN}# The steps of a release\n\n{_introduction()}\n{chart()}\n{_kinds()}\n{_table()}\n{_retries()}"


def chart() -> str:
    """The documented chart, as mermaid; the back edge is the conflict of step 1."""
    boxes = "".join(f"  {one.node}{_box(one)}\n" for one in CHART)
    edges = "".join(f"  {one.node} --> {after.node}\n" for one, after in pairwise(CHART))
    number = next(one.node for one in CHART if one.number == 1)
    back = f"  {number} -->|Dirty repo or version conflict| {number}\n"
    return f"```mermaid\nflowchart TD\n{boxes}{edges}{back}```\n"


def _box(one: Step) -> str:
    left, right = SHAPES[one.kind]
    return f'{left}"{f"{one.number}. " if one.number else ""}{one.title}"{right}'


def _introduction() -> str:
    no_return = next(one for one in CHART if one.key == POINT_OF_NO_RETURN)
    return (
        "Each box is a Prefect task of that name, and each arrow is one that Prefect draws. Until step"
        f" {no_return.number} everything can be taken back; the tag that it pushes is the point of no return.\n"
    )


def _kinds() -> str:
    return "".join(f"- **{kind}**: {words}\n" for kind, words in KINDS.items())


def _table() -> str:
    rows = "".join(
        f"| {one.number or ''} | {one.title} | {one.kind} | {one.needs} | {one.changes} | {_undo(one)} |"
        f" {', '.join(one.moves)} |\n"
        for one in CHART
    )
    return f"| | step | kind | needs | changes | undo | moves |\n|---|---|---|---|---|---|---|\n{rows}"


def _undo(one: Step) -> str:
    return "" if one.undo == NO_NEED else one.undo


def _retries() -> str:
    rows = "".join(
        f"| {one.number or ''} | {one.title} | {one.retries} | {', '.join(duration(delay) for delay in one.delays)} |"
        f" {duration(one.timeout)} |\n"
        for one in CHART
    )
    return (
        "\nOnly what may pass by itself (an outage, a rate limit, something not visible yet) is tried again; each delay is"
        " stretched by chance, by up to a third. The time limit is that of one attempt.\n\n"
        f"| | step | retries | delays | time limit |\n|---|---|---|---|---|\n{rows}"
    )


PAGES: dict[str, Callable[[], str]] = {"dag.md": dag}

if __name__ == "__main__":
    main()
