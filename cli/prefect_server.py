"""Prefect's server for one command: the one that PREFECT_API_URL names, or an embedded one that ends with the command."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from clients.process import KEEPER
from lockgate.errors import Problem, UnavailableError

START_SECONDS = 180.0
STOP_SECONDS = 10.0
LOOPBACK = "127.0.0.1"
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
}


@contextlib.contextmanager
def prefect_server() -> Iterator[str]:
    """Give the address of Prefect's pages; PREFECT_API_URL is set while it lasts.

    An embedded server listens on loopback, keeps its data in PREFECT_HOME, and ends with this process, however that ends.
    Raises UnavailableError when it does not start in time.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" in os.environ:
        yield os.environ["PREFECT_API_URL"].removesuffix("/api")
        return
    home = Path(os.environ.setdefault("PREFECT_HOME", str(Path.home() / ".prefect")))
    home.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    command = [
        str(Path(sys.executable).with_name("prefect")),
        "server",
        "start",
        "--host",
        LOOPBACK,
        "--port",
        str(port),
    ]
    with (home / "server.log").open("ab") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), *command],
            stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    address = f"http://{LOOPBACK}:{port}"
    os.environ["PREFECT_API_URL"] = f"{address}/api"
    try:
        _wait_until_ready(address, keeper, home / "server.log")
        yield address
    finally:
        del os.environ["PREFECT_API_URL"]
        _end(keeper)


def _wait_until_ready(address: str, keeper: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and keeper.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/api/health", timeout=5).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise UnavailableError(
        Problem(
            f"Prefect's server did not start within {START_SECONDS:.0f} s", "a server that answers on loopback",
            f"see {log}; or start one yourself (`prefect server start`) and set PREFECT_API_URL",
        )
    )  # fmt: skip


def _end(keeper: subprocess.Popen[bytes]) -> None:
    if keeper.stdin is not None:
        keeper.stdin.close()
    try:
        keeper.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])
