"""What looks after the runs outlives the troubles of what it looks at."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from cli.supervising import supervise


class AfterThreeLooks:
    """A stop that comes by itself."""

    def __init__(self) -> None:
        self.looks = 0

    def is_set(self) -> bool:
        return self.looks == 3

    def wait(self, _seconds: float | None = None) -> bool:
        self.looks += 1
        return self.is_set()


def test_a_store_that_fails_is_told_once_and_nothing_ends(
    prefect_api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LOCKGATE_STORE", str(tmp_path / "file" / "store"))
    out, stop = io.StringIO(), AfterThreeLooks()
    supervise(Console(file=out, width=200), None, None, stop, 3)  # type: ignore[arg-type]
    assert stop.looks == 3
    assert out.getvalue().count("failed while listing the records") == 1, out.getvalue()
