"""Prefect's server and worker as children of this command, which end with it, however it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

from cli.pages import LOOPBACK, own_settings
from clients.process import KEEPER
from lockgate.errors import Problem, UnavailableError
from lockgate.lines import lines_of

START_SECONDS = 300.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.1
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
}


class Service:
    """A command kept alive beside this one; its output goes to a log file."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment)
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def ended(self) -> bool:
        """Whether it does not run (any more)."""
        return self._keeper is None or self._keeper.poll() is not None

    def start(self) -> None:
        """Start it, in a process group of its own that is killed when it, or this process, ends."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(KEEPER), *self._command],
                stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **self._environment},
            )  # fmt: skip

    def wait_until(self, ready: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Wait until it is ready; raises UnavailableError when it ends before, or is not ready in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.ended:
            if ready():
                return
            time.sleep(LOOK_SECONDS)
        how = "ended at once" if self.ended else f"was not ready within {seconds:.0f} s"
        raise UnavailableError(
            Problem(f"{self.name} {how}", "one that starts", f"see {self.log}; its last words: {self._last_words()}")
        )

    def stop(self, *, gently: bool = True) -> None:
        """End it and all of its group: asked to first, when `gently`, then killed."""
        if self._keeper is None or self._keeper.stdin is None:
            return
        if gently and self._keeper.poll() is None:
            self._keeper.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._keeper.wait(STOP_SECONDS)
        self._keeper.stdin.close()
        try:
            self._keeper.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        self._keeper = None

    def _last_words(self) -> str:
        lines = lines_of(self.log.read_text(errors="replace").rstrip())
        return lines[-1] if lines else "none"


def server(home: Path, port: int, auth: str, environment: Mapping[str, str]) -> Service:
    """Prefect's server on loopback, with its data in `home`, which lets in who says `auth` (USER:PASSWORD)."""
    command = [sys.executable, "-P", "-m", "cli.pages", str(port)]
    own = {"PREFECT_HOME": str(home), **own_settings(port, auth, environment)}
    return Service("Prefect's server", command, home / "server.log", {**environment, **own})


def is_healthy(address: str) -> bool:
    """Whether a Prefect server answers at this address; while nobody listens there, asking costs next to nothing."""
    at = httpx.URL(address)
    with contextlib.suppress(OSError, httpx.TransportError):
        socket.create_connection((at.host, at.port or 0), timeout=5).close()
        return httpx.get(f"{address}/api/health", timeout=5).status_code == httpx.codes.OK
    return False


def program(name: str) -> str:
    """A program that was installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def free_port(wanted: int = 0) -> int | None:
    """A free port on loopback: the wanted one (None when it is taken), or any for 0."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, wanted))
        except OSError:
            return None
        return int(listener.getsockname()[1])
