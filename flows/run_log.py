"""The log of a run: every line that Lockgate logs goes to Prefect, on the page of the task that it belongs to."""

from __future__ import annotations

import logging
import os

from prefect.logging.handlers import APILogHandler, PrefectConsoleHandler
from rich.console import Console

from lockgate.masking import learn_from, mask_secrets
from lockgate.texts import visible

PACKAGES = ("clients", "flows", "lockgate", "planning", "tasks")
PREFECTS = ("", "prefect", "prefect.flow_runs", "prefect.task_runs")
"""The loggers whose handlers take what Prefect says of a run; the root's takes our own lines to a worker's terminal."""


class PlainText(logging.Filter):
    """Makes every line a text, whoever wrote it: control characters are shown as such, secrets are masked."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, with its message and its traceback made plain."""
        record.msg, record.args = _plain(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = _plain(logging.Formatter().formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = _plain(record.stack_info)
        return True


def _plain(text: str) -> str:
    return visible(mask_secrets(text))


def show_logs() -> None:
    """Send the lines of Lockgate's packages to Prefect; once, however often it is called.

    What Prefect itself logs of a run, on the terminal too, is made plain as well, and is never read as rich's markup,
    whatever PREFECT_LOGGING_MARKUP says.
    """
    learn_from(os.environ)
    for name in PACKAGES:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        if not any(isinstance(handler, APILogHandler) for handler in logger.handlers):
            handler = APILogHandler()
            handler.addFilter(PlainText())
            logger.addHandler(handler)
    for name in PREFECTS:
        for known in logging.getLogger(name).handlers:
            if isinstance(known, PrefectConsoleHandler):
                known.console = Console(file=known.stream, markup=False, emoji=False, highlight=False)
            if not any(isinstance(one, PlainText) for one in known.filters):
                known.addFilter(PlainText())
