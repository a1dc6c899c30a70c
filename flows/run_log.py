"""The log of a run: every line that Lockgate logs goes to Prefect, on the page of the task that it belongs to."""

from __future__ import annotations

import logging

from prefect.logging.handlers import APILogHandler

from lockgate.publish_logs import mask_secrets

PACKAGES = ("clients", "flows", "lockgate", "planning", "tasks")


class MaskSecrets(logging.Filter):
    """Masks what looks like a token in every line, whoever wrote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, with its message masked."""
        record.msg, record.args = mask_secrets(record.getMessage()), None
        return True


def show_logs() -> None:
    """Send the lines of Lockgate's packages to Prefect; once, however often it is called."""
    for name in PACKAGES:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        if not any(isinstance(handler, APILogHandler) for handler in logger.handlers):
            handler = APILogHandler()
            handler.addFilter(MaskSecrets())
            logger.addHandler(handler)
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        for known in logging.getLogger(name).handlers:
            if not any(isinstance(one, MaskSecrets) for one in known.filters):
                known.addFilter(MaskSecrets())
