"""The release before each of its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stages import Stage, Stages

Make = Callable[[str], Stage]


@pytest.fixture
def at(stages: Stages, tmp_path: Path) -> Iterator[Make]:
    """Starts a copy of the release as it stood before a step; no request may be one that GitHub does not know."""
    opened: list[Stage] = []

    def copy(key: str) -> Stage:
        opened.append(stages.copy(key, tmp_path / "stage").__enter__())
        return opened[-1]

    yield copy
    for stage in opened:
        stage.sandbox.close()
        assert stage.sandbox.problems == []
