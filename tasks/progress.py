"""A progress artifact: how far the wait for the outside is, in Prefect's pages and in the log."""

from __future__ import annotations

import logging
import re
from types import TracebackType
from typing import Self
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext

from lockgate.markdown import prose
from tasks.showing import nice_to_have, pages

log = logging.getLogger(__name__)

COMPLETE_PERCENT = 100.0


class Progress:
    """A bar that says what it stands at; outside of a task run it only logs."""

    def __init__(self, key: str, description: str) -> None:
        self._key = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
        self._description = description
        self._artifact: UUID | None = None
        self._last = ""

    def __enter__(self) -> Self:
        if TaskRunContext.get() is not None:
            with nice_to_have(self._description):
                made = create_progress_artifact(progress=0.0, key=self._key, description=prose(self._description))
                self._artifact = made if isinstance(made, UUID) else None
        return self

    def say(self, percent: float, text: str) -> None:
        """Show a new standing; the same words twice are said once."""
        if text == self._last:
            return
        self._last = text
        log.info("%s", text)
        self._update(percent, prose(f"{self._description}: {text}", hosts=pages()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._update(COMPLETE_PERCENT, None)

    def _update(self, percent: float, description: str | None) -> None:
        if self._artifact is not None:
            with nice_to_have(self._description):
                update_progress_artifact(self._artifact, progress=percent, description=description)
