"""`lockgate up`: Prefect's server, a worker, the deployments and the automations, in the foreground, until stopped.

`lockgate worker` is the worker alone, for a server elsewhere.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from cli import deploying
from cli.console import say
from cli.pages import LOOPBACK
from cli.server_notes import PASSWORD, UP, kept_password, noted, read_note, tell, use_password
from cli.services import QUIET, Service, free_port, is_healthy, program, server
from cli.stopping import Stop
from clients.locks import hold
from clients.own_files import check_home
from lockgate.errors import Problem, SettingsError
from planning.release import home_of

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
        number, auth = _port(port), kept_password(home)
        address = f"http://{LOOPBACK}:{number}"
        os.environ |= {"PREFECT_API_URL": f"{address}/api", "PREFECT_API_AUTH_STRING": auth}
        pages = server(prefect_home, number, auth, os.environ)
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
        stack.enter_context(noted(home, UP, f"{address}/api", auth))
        tell(console, address, auth, home / PASSWORD)
        _say_how_else(console, home / PASSWORD)
        _look_after(console, pages, worker, stopped, again)
        console.print("Stopping; what was at work goes on at the next `lockgate up`.")


def run_worker(console: Console, runs: int, again: int) -> None:
    """Run a worker for the server that PREFECT_API_URL names, until SIGINT or SIGTERM; raises SettingsError without one."""
    if "PREFECT_API_URL" not in os.environ:
        raise SettingsError(
            Problem("PREFECT_API_URL is not set", "the address of a Prefect server's API", "set it, ending in /api")
        )
    home, prefect_home = _prepare()
    use_password(home)
    stopped = Stop()
    worker = _worker(prefect_home, runs)
    say(console, "Prefect's pages: ", (f"{os.environ['PREFECT_API_URL'].removesuffix('/api')}/v2/", "bold"))
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
    return home, prefect_home


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Have a folder to oneself; raises SettingsError when another `lockgate up` runs in it, or other accounts may enter it."""
    check_home(home)
    with hold(home / "up") as free:
        if not free:
            raise SettingsError(Problem(f"`lockgate up` runs already in {home}", "one at a time", _read_note(home)))
        yield


def _look_after(console: Console, pages: Service | None, worker: Service | None, stopped: Stop, again: int) -> None:
    from cli.supervising import supervise, worker_name

    say(console, f"All its state is in {home_of(os.environ)}.")
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


def _say_how_else(console: Console, password: Path) -> None:
    """What a shell of this account sets for Prefect's own commands; Lockgate's find it by themselves."""
    said = f'export PREFECT_API_URL={os.environ["PREFECT_API_URL"]} PREFECT_API_AUTH_STRING="$(cat {password})"'
    say(console, f"For `prefect`:   {said}")


def _read_note(home: Path) -> str:
    note = read_note(home / UP)
    if note is None:
        return "wait for it to end, or set LOCKGATE_HOME to another folder"
    return f"its pages are at {note.api.removesuffix('/api')}/v2/"
