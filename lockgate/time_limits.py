"""The times that a project may configure, held against the time that a step has: a step is never ended in the middle of a wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lockgate.errors import Problem
from lockgate.steps import MINUTE_SECONDS, step

if TYPE_CHECKING:
    from lockgate.settings import Settings

MARGIN_SECONDS = 10 * MINUTE_SECONDS
"""What a step has for everything besides its configured waits."""


def check_times(settings: Settings) -> tuple[Problem, ...]:
    """A problem for every step whose configured waits may be longer than the step itself may take (in the catalogue)."""
    return tuple(
        Problem(
            f"{keys} let step {step(key).number} take up to {waits:g} s",
            f"at most {step(key).timeout - MARGIN_SECONDS:g} s together",
            "set shorter times under [tool.lockgate] in pyproject.toml",
        )
        for key, keys, waits in _waits(settings)
        if waits > step(key).timeout - MARGIN_SECONDS
    )


def _waits(settings: Settings) -> Iterator[tuple[str, str, float]]:
    """Each step that has configured waits, the settings' names, and the longest that they take together, in seconds."""
    one = settings.pre_release_timeout
    yield "migrations", "pre-release-timeout", one if settings.migrations_check else 0.0
    yield "pre-release", "pre-release-timeout for each of the pre-release commands", one * len(settings.pre_release)
    yield "tests", "test-timeout", settings.test_timeout
    # The run is looked for once more after the workflow was started by hand.
    yield "wait", "run-timeout (twice) and publish-timeout", 2 * settings.run_timeout + settings.publish_timeout
    yield "record", "visibility-timeout", settings.visibility_timeout
