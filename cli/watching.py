"""Follows a run in this process through its log: a line for each step, the last words of the one at work, the questions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.status import Status

from cli.console import show_status
from cli.printing import print_step
from lockgate.outcome import StepOutcome
from lockgate.steps import step
from lockgate.waiting import Waiting

PACKAGES = ("clients", "flows", "planning", "tasks")


class Watcher(logging.Handler):
    """Prints what the packages log; on a terminal the running step is shown with its last line."""

    def __init__(self, console: Console, ask: Callable[[Console, Waiting], None] | None) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self._ask = ask
        self._status: Status | None = None
        self._title = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record: a finished step, a question, a problem, or the latest word of the running step."""
        outcome = getattr(record, "outcome", None)
        waiting = getattr(record, "waiting", None)
        if isinstance(outcome, StepOutcome):
            self._stop_status()
            print_step(self._console, outcome)
        elif isinstance(waiting, Waiting):
            self._stop_status()
            if self._ask is None:
                self._console.print(f"Waiting for a person: {record.getMessage()}")
            else:
                threading.Thread(target=self._ask, args=(self._console, waiting), daemon=True).start()
        elif (begins := getattr(record, "begins", None)) is not None:
            self._title = step(begins).title
            self._show(self._title)
        elif record.levelno >= logging.WARNING:
            self._console.print(record.getMessage(), style="yellow", soft_wrap=True)
        else:
            self._show(f"{self._title}: {record.getMessage()}")

    def _show(self, text: str) -> None:
        if self._console.is_terminal:
            self._status = show_status(self._console, self._status, text)

    def _stop_status(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def __enter__(self) -> Self:
        for name in PACKAGES:
            logger = logging.getLogger(name)
            logger.setLevel(logging.INFO)
            logger.propagate = False
            logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_status()
        for name in PACKAGES:
            logging.getLogger(name).removeHandler(self)
