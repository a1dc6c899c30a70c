"""What tests of several packages share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SECRETS = ("GH_TOKEN", "GITHUB_TOKEN", "GITHUB_API_URL", "GITHUB_SERVER_URL", "LOCKGATE_INDEX_URL", "PREFECT_API_URL")


@pytest.fixture(autouse=True)
def _nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the tokens and addresses of the machine that it runs on, or writes to its home of Lockgate."""
    for name in SECRETS:
        if name in os.environ:
            monkeypatch.delenv(name)
    monkeypatch.setenv("LOCKGATE_HOME", str(tmp_path / "lockgate-home"))
