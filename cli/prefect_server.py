"""Prefect's server for one command: the one that PREFECT_API_URL names, or an embedded one that ends with the command."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.services import LOOPBACK, QUIET, free_port, is_healthy, server


@contextlib.contextmanager
def prefect_server(meanwhile: Callable[[], object] | None = None) -> Iterator[str]:
    """Give the address of Prefect's pages; PREFECT_API_URL is set while it lasts.

    An embedded server listens on loopback, keeps its data in PREFECT_HOME, and ends with this process, however that ends.
    `meanwhile` is called once, while an embedded server starts, since both take seconds.
    Raises UnavailableError when it does not start in time.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" in os.environ:
        if meanwhile is not None:
            meanwhile()
        yield os.environ["PREFECT_API_URL"].removesuffix("/api")
        return
    home = Path(os.environ.setdefault("PREFECT_HOME", str(Path.home() / ".prefect")))
    port = free_port()
    embedded = server(home, port or 0, {})
    address = f"http://{LOOPBACK}:{port}"
    os.environ["PREFECT_API_URL"] = f"{address}/api"
    try:
        embedded.start()
        if meanwhile is not None:
            meanwhile()
        embedded.wait_until(lambda: is_healthy(address))
        yield address
    finally:
        del os.environ["PREFECT_API_URL"]
        embedded.stop(gently=False)
