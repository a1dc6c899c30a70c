"""`lockgate up`: Prefect's server, a worker, the deployments and the automations, in the foreground, until stopped.

`lockgate worker` is the worker alone, for a server elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from cli import deploying
from cli.console import say
from cli.services import LOOPBACK, QUIET, Service, free_port, is_healthy, program, server
from cli.stopping import Stop
from clients.locks import here, hold
from lockgate.errors import Problem, SettingsError
from planning.release import home_of

ADDRESS_FILE = "up.json"
ENVIRONMENT = {
    **QUIET,
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # In memory, a dead holder's slot is stuck for ever once the server was restarted.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}


def run_up(console: Console, repository: str, port: int, runs: int, again: int) -> None:
    """Run everything until SIGINT or SIGTERM; LOCKGATE_HOME and PREFECT_HOME say where its state is.

    At most `runs` releases work at a time (0: no worker here); one whose process vanishes is started again at most `again`
    times. Raises SettingsError when the port is taken.
    """
    home, prefect_home = _prepare()
    stopped = Stop()
    with contextlib.ExitStack() as stack:
        address = f"http://{LOOPBACK}:{_port(port)}"
        os.environ["PREFECT_API_URL"] = f"{address}/api"
        pages = server(prefect_home, int(address.rsplit(":", 1)[1]), {})
        worker = _worker(prefect_home, runs) if runs else None
        stack.callback(pages.stop)
        if worker is not None:
            stack.callback(worker.stop, gently=False)
        console.print("Starting Prefect …", style="dim")
        pages.start()
        pages.wait_until(lambda: is_healthy(address) or stopped.is_set())
        if stopped.is_set():
            return
        deploying.deploy(repository)
        stack.enter_context(_note(home, address))
        _look_after(console, pages, worker, stopped, again)
        console.print("Stopping; what was at work goes on at the next `lockgate up`.")


def run_worker(console: Console, runs: int, again: int) -> None:
    """Run a worker for the server that PREFECT_API_URL names, until SIGINT or SIGTERM; raises SettingsError without one."""
    if "PREFECT_API_URL" not in os.environ:
        raise SettingsError(
            Problem("PREFECT_API_URL is not set", "the address of a Prefect server's API", "set it, ending in /api")
        )
    _, prefect_home = _prepare()
    stopped = Stop()
    worker = _worker(prefect_home, runs)
    try:
        _look_after(console, None, worker, stopped, again)
    finally:
        worker.stop(gently=False)
    console.print("Stopping; what was at work goes on at the next `lockgate worker`.")


def _prepare() -> tuple[Path, Path]:
    """Lockgate's home and Prefect's, both in the environment, with what the children need in it."""
    home = home_of(os.environ)
    os.environ["LOCKGATE_HOME"] = str(home)
    prefect_home = Path(os.environ.setdefault("PREFECT_HOME", str(home / "prefect")))
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if "PREFECT_SERVER_API_AUTH_STRING" in os.environ:
        os.environ.setdefault("PREFECT_API_AUTH_STRING", os.environ["PREFECT_SERVER_API_AUTH_STRING"])
    return home, prefect_home


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Have a folder to oneself; raises SettingsError when another `lockgate up` runs in it."""
    with hold(home / "up") as free:
        if not free:
            raise SettingsError(Problem(f"`lockgate up` runs already in {home}", "one at a time", _read_note(home)))
        yield


def _look_after(console: Console, pages: Service | None, worker: Service | None, stopped: Stop, again: int) -> None:
    from cli.supervising import supervise, worker_name

    api = os.environ["PREFECT_API_URL"]
    say(
        console,
        "Prefect's pages: ",
        (f"{api.removesuffix('/api')}/v2/", "bold"),
        f"   (state in {home_of(os.environ)})",
    )
    say(console, f"Elsewhere:       export PREFECT_API_URL={api}")
    console.print(f"{f'Worker {worker_name()}' if worker else 'No worker'} runs here; Ctrl-C ends everything.")
    supervise(console, pages, worker, stopped, again)


def _worker(home: Path, runs: int) -> Service:
    from cli.supervising import worker_name

    command = [
        program("prefect"), "worker", "start", "--pool", deploying.POOL, "--type", "process", "--name", worker_name(),
        "--limit", str(runs),
    ]  # fmt: skip
    return Service("the worker", command, home / "worker.log", {})


def _port(wanted: int) -> int:
    found = free_port(wanted)
    if found is None:
        raise SettingsError(
            Problem(f"port {wanted} of {LOOPBACK} is taken", "a free port for Prefect's pages", "name one with --port")
        )
    return found


@contextlib.contextmanager
def _note(home: Path, address: str) -> Iterator[None]:
    """While it lasts, a file says where the server is: for `lockgate status` and the others on this machine."""
    file = home / ADDRESS_FILE
    file.write_text(json.dumps({"api": f"{address}/api", "host": here(), "pid": os.getpid()}) + "\n", encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _read_note(home: Path) -> str:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return f"its pages are at {json.loads((home / ADDRESS_FILE).read_text())['api'].removesuffix('/api')}/v2/"
    return "wait for it to end, or set LOCKGATE_HOME to another folder"
