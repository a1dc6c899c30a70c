"""Stations for the tests of operation: one for a module, and one for a test that kills it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient

from cli.runs import recent
from tests.operating import Station, connected, station_in


@pytest.fixture(scope="module")
def shared_station(sample_sandbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with station_in(tmp_path_factory.mktemp("station") / "sandbox", sample_sandbox) as station:
        yield station.start()


@pytest.fixture
def station(shared_station: Station, client: SyncPrefectClient) -> Iterator[Station]:
    """The module's station; what a test leaves under way is aborted."""
    yield shared_station
    for run in recent(client):
        if run.state is not None and not run.state.is_final():
            shared_station.run("abort", str(run.id))


@pytest.fixture
def own_station(sample_sandbox: Path, tmp_path: Path) -> Iterator[Station]:
    """A station for one test, not started yet."""
    with station_in(tmp_path / "sandbox", sample_sandbox) as station:
        yield station


@pytest.fixture
def client(shared_station: Station) -> Iterator[SyncPrefectClient]:
    with connected(shared_station.api) as found:
        yield found
