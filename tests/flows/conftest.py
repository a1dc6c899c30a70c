"""Runs on the session's Prefect server, and a maintainer's checkout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from sandbox.world import Sandbox
from tests.flow_runs import Runs, git


@pytest.fixture
def runs(prefect_api: str) -> Iterator[Runs]:
    with get_client(sync_client=True) as client:
        yield Runs(client)


@pytest.fixture
def checkout(sandbox: Sandbox, tmp_path: Path) -> Path:
    """A maintainer's clean clone of the sandbox's origin."""
    folder = tmp_path / "checkout"
    git(tmp_path, "clone", "--quiet", sandbox.origin_url, str(folder))
    return folder
