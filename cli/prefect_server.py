"""Prefect's server for one command: the one that PREFECT_API_URL names, or an embedded one that ends with the command."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.pages import LOOPBACK
from cli.server_notes import ONE_COMMAND, new_password, noted, use_password
from cli.services import QUIET, free_port, is_healthy, server
from clients.own_files import check_home
from planning.release import home_of


@dataclass(frozen=True, slots=True)
class Pages:
    """Where Prefect's pages are; of a server that one command started also what they ask for, and the file that says so."""

    address: str
    auth: str = ""
    note: Path | None = None


@contextlib.contextmanager
def prefect_server(meanwhile: Callable[[], object] | None = None) -> Iterator[Pages]:
    """Give Prefect's pages; PREFECT_API_URL and PREFECT_API_AUTH_STRING are set while it lasts.

    An embedded server listens on loopback, asks for a random password, keeps its data in PREFECT_HOME (or a folder of Lockgate's
    home), and ends with this process, however that ends. `meanwhile` is called once, while an embedded server starts, since both
    take seconds. Raises UnavailableError when it does not start in time, SettingsError for a home that is not this account's alone.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    home = home_of(os.environ)
    check_home(home)
    if "PREFECT_API_URL" in os.environ:
        use_password(home)
        if meanwhile is not None:
            meanwhile()
        yield Pages(os.environ["PREFECT_API_URL"].removesuffix("/api"))
        return
    data = Path(os.environ.setdefault("PREFECT_HOME", str(home / "terminal")))
    port, auth = free_port() or 0, new_password()
    embedded = server(data, port, auth, {})
    address = f"http://{LOOPBACK}:{port}"
    with noted(home, ONE_COMMAND, f"{address}/api", auth) as note, _environment(f"{address}/api", auth):
        try:
            embedded.start()
            if meanwhile is not None:
                meanwhile()
            embedded.wait_until(lambda: is_healthy(address))
            yield Pages(address, auth, note)
        finally:
            embedded.stop(gently=False)


@contextlib.contextmanager
def _environment(api: str, auth: str) -> Iterator[None]:
    """Point this process and its children to the server, and afterwards no longer."""
    own = {"PREFECT_API_URL": api, "PREFECT_API_AUTH_STRING": auth}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
