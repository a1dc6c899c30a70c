"""`make docs`: the parts of docs/ that are written from the code, so that they cannot say anything else than it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

from lockgate.outcome import ExitCode
from lockgate.steps import CHART, NO_NEED, POINT_OF_NO_RETURN, Step
from lockgate.timeline import duration

FOLDER = Path(__file__).parent.parent / "docs"
CODES = {
    ExitCode.RELEASED: "released, or nothing in the way of the plan",
    ExitCode.REFUSED: "refused; nothing irreversible happened",
    ExitCode.SETTINGS: "usage, settings, a repository that nothing can be released from (no commit, no origin), or nobody to ask",
    ExitCode.STOPPED_AFTER_TAG: "stopped after the point of no return; the same command goes on",
    ExitCode.UNAVAILABLE: "something outside is unavailable; the same command tries again",
    ExitCode.INTERRUPTED: "interrupted; the report says whether the tag is out",
}
FIELDS = {
    "exit_code": "as above",
    "project": "the project's name",
    "version": "the version; the words that were asked for where none was chosen yet",
    "tag": "the tag",
    "commit": "the release commit, which the tag is on",
    "steps": "the steps reached, each with `key`, `title`, `outcome`, `seconds`, `evidence`",
    "artifacts": "each with `name`, `sha256`, `size` in bytes, `kind` (wheel or sdist)",
    "refusals": "what stands in the way, each with `step` (1 to 11), `seen`, `expected`, `next`",
    "urls": "the pages of `index`, `release` and `run`, as far as they are known",
    "fixture": "the path of the release fixture",
    "tag_is_out": "whether the point of no return was passed",
}
OUTCOMES = {
    "done": "it was done now",
    "already done": "it was there already, the very same",
    "not needed": "there was nothing to do",
    "refused": "what was seen contradicts the release",
    "unavailable": "the outside did not answer, or not in time",
    "stopped": "cut off, or an error that Lockgate does not know",
}
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
    head = _written("lockgate/steps.py")
    return f"{head}# The steps of a release\n\n{_introduction()}\n{chart()}\n{_kinds()}\n{_table()}\n{_retries()}"


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


def commands() -> str:
    """The page about the command line: every option, the exit codes, the report."""
    from cli.main import app

    reference = app.generate_docs(usage_name="lockgate").partition("\n## ")[2]
    reference = re.sub(r" -m [\w.]+", "", reference)  # how Python was started stands in the usage of each command
    return (
        f"{_written('cli/')}# The command line\n\n"
        "A terminal is asked at the checkpoints; a pipe is not, and needs `--yes`. What a command prints for people goes to"
        " standard error when `--json` is given. A command without a report tells an error as JSON then too: `exit_code` and"
        " `problems`, each with `seen`, `expected`, `next`.\n\n"
        f"## Exit codes\n\n{_two_columns('code', {str(int(code)): words for code, words in CODES.items()})}\n"
        "## The report\n\n"
        "What `release --json` prints and `--report FILE` writes. The fixture that it names follows"
        " [lockgate/fixture.schema.json](../lockgate/fixture.schema.json).\n\n"
        f"{_two_columns('field', {f'`{name}`': words for name, words in FIELDS.items()})}\n"
        f"{_two_columns('outcome of a step', OUTCOMES)}\n## {reference.rstrip()}\n"
    )


def _two_columns(title: str, rows: Mapping[str, str]) -> str:
    return f"| {title} | |\n|---|---|\n" + "".join(f"| {name} | {words} |\n" for name, words in rows.items())


def _written(source: str) -> str:
    return f"<!-- Written by `make docs` from {source}; a test compares it. -->\n\n"


PAGES: dict[str, Callable[[], str]] = {"dag.md": dag, "commands.md": commands}

if __name__ == "__main__":
    main()
