"""What a run's log becomes on a console."""

from __future__ import annotations

import io
import logging

from cli.console import TextConsole
from cli.watching import Watcher
from lockgate.outcome import StepOutcome

STEP = StepOutcome("version", "Check version number availability", "done", 0.25, "1.0.1 is free [really]\nand more")


def shown(message: str, level: int = logging.INFO, *, terminal: bool = False, **extra: object) -> str:
    console = TextConsole(file=io.StringIO(), width=60, force_terminal=terminal, color_system=None)
    with Watcher(console, None):
        logging.getLogger("tasks").log(level, message, extra=extra)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_warning_is_printed_as_it_is() -> None:
    assert shown("main [x] moved", logging.WARNING) == "main [x] moved\n"


def test_a_finished_step_is_one_line_of_any_length_in_a_pipe() -> None:
    line = " 1/11 done            0.25 s  Check version number availability: 1.0.1 is free [really]\n"
    assert shown("done", outcome=STEP) == line


def test_a_finished_step_is_cut_where_a_terminal_ends() -> None:
    line = shown("done", outcome=STEP, terminal=True).splitlines()[-1]
    assert line.startswith(" 1/11 done")
    assert line.endswith("…")
    assert len(line) <= 60


def test_a_pipe_hears_nothing_of_the_step_at_work() -> None:
    assert shown("Building") == ""
