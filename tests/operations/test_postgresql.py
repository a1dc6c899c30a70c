"""Prefect's server on PostgreSQL, as docs/operations.md says for several machines: a release from its start to the index."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.pages import LOOPBACK
from cli.services import free_port
from tests.operating import Station, connected, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

TESTS = "Complete test suite with --all flag"
PUBLISHER = "Confirm PyPI Trusted Publisher settings"
DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps each version's programs, outside of PATH."""


def programs() -> Path:
    """The folder with PostgreSQL's programs, the newest version's; skips the test where there are none."""
    on_path = shutil.which("initdb")
    found = (
        [Path(on_path).resolve()]
        if on_path
        else sorted(DEBIAN.glob("*/bin/initdb"), key=lambda one: int(one.parts[-3]))
    )
    if not found:
        pytest.skip(
            "PostgreSQL is not installed: no initdb on PATH or in /usr/lib/postgresql (apt-get install postgresql)"
        )
    return found[-1].parent


def person() -> str | None:
    """Whom the database runs as: it refuses root, and another user cannot become somebody else."""
    return "nobody" if os.geteuid() == 0 else None


@pytest.fixture
def database() -> Iterator[str]:
    """A cluster of its own on loopback, in a temporary folder; the address of its database, as Prefect takes it."""
    binaries, user, port = programs(), person(), free_port()
    with tempfile.TemporaryDirectory(prefix="lockgate-pg-") as text:
        folder = Path(text)
        if user:
            shutil.chown(folder, user)
        data, log = str(folder / "data"), (folder / "log").open("wb")
        words = [str(binaries / "initdb"), "-D", data, "-U", "owner", "--auth=trust", "--encoding=UTF8"]
        subprocess.run(words, cwd=folder, user=user, check=True, capture_output=True, timeout=120)
        options = ["-h", LOOPBACK, "-p", str(port), "-k", ""]
        cluster = subprocess.Popen(
            [str(binaries / "postgres"), "-D", data, *options], cwd=folder, user=user, stdout=log, stderr=log
        )
        try:
            where = ["-h", LOOPBACK, "-p", str(port)]
            ready = [str(binaries / "pg_isready"), "-q", *where]
            until(lambda: subprocess.run(ready, timeout=60).returncode == 0, "PostgreSQL", 60)
            for words in (["createuser", "prefect"], ["createdb", "--owner=prefect", "prefect"]):
                subprocess.run([str(binaries / words[0]), *where, "-U", "owner", *words[1:]], check=True, timeout=60)
            yield f"postgresql+asyncpg://prefect@{LOOPBACK}:{port}/prefect"
        finally:
            cluster.send_signal(signal.SIGINT)
            cluster.wait(60)
            log.close()


def test_a_release_is_approved_and_resumed_with_the_server_on_postgresql(own_station: Station, database: str) -> None:
    own_station.extra["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database
    station = own_station.start()
    with connected(station.api) as client:
        run = station.begin(client)
        station.until_asked(client, run, TESTS)
        assert station.approve(run).returncode == 0
        station.until_asked(client, run, PUBLISHER)
        assert station.approve(run).returncode == 0
        station.until_state(client, run, "Released")
    assert not list((station.folder / "prefect").glob("*.db"))
    assert station.stop() == 0
