"""`lockgate up` around a sandbox, as a person starts it: a child process with server, worker and deployments."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from cli.runs import read_question
from cli.services import START_SECONDS
from sandbox.world import Sandbox

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "cli.main"]
DEADLINE_SECONDS = 240.0
DEPLOYMENT = "release/release"
SLUG = "example/lockgate-sample"
SERVER = "cli.pages"
"""What the command line of the server holds."""

PASSWORDS: dict[str, str] = {}
"""What each station's server asks for, by its address."""


def until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Look until the condition gives something; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")


@dataclass
class Station:
    """A folder with a sandbox, and `lockgate up` in it."""

    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def environ(self) -> dict[str, str]:
        """A machine without tokens of its own; LOCKGATE_HOME leads the other commands to this station."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GITHUB_", "GH_"))
        }
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "LOCKGATE_HOME": str(self.folder),
            "LOCKGATE_USER": "ada",
            **self.extra,
        }

    @property
    def api(self) -> str:
        """The address of the server's API."""
        note = json.loads((self.folder / "up.json").read_text())
        PASSWORDS[note["api"]] = note["auth"]
        return str(note["api"])

    @property
    def output(self) -> str:
        """What `lockgate up` printed."""
        return (self.folder / "up.log").read_text()

    def outside(self) -> dict[str, str]:
        """What points a process to the sandbox, as the server's process has it."""
        names = ("GITHUB_API_URL", "GITHUB_SERVER_URL", "LOCKGATE_INDEX_URL", "GH_TOKEN")
        lines = Path(f"/proc/{self.pid_of(SERVER)}/environ").read_text().split("\0")
        return {name: value for name, _, value in (line.partition("=") for line in lines) if name in names}

    def start(self, *words: str) -> Station:
        """Start everything, and wait until it says that it runs."""
        (self.folder / "up.json").unlink(missing_ok=True)
        with (self.folder / "up.log").open("ab") as output:
            self.process = subprocess.Popen(
                [*COMMAND, "up", "--sandbox", str(self.folder), "--port", "0", *words], cwd=self.folder, env=self.environ,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        until(self._begun, "lockgate up", 2 * START_SECONDS)
        assert self.process.poll() is None, self.output
        return self

    def _begun(self) -> bool:
        """Whether it says that it runs, or has ended."""
        return (self.folder / "up.json").exists() or (self.process is not None and self.process.poll() is not None)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop everything with a signal; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def run(self, *words: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Another command of lockgate, without a terminal."""
        return subprocess.run(
            [*COMMAND, *words], cwd=self.folder, env=environ or self.environ, capture_output=True, text=True,
            timeout=DEADLINE_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def status(self, run: FlowRun) -> dict[str, Any]:
        """What `lockgate status RUN --json` says."""
        done = self.run("status", str(run.id), "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    def approve(self, run: FlowRun, *words: str) -> subprocess.CompletedProcess[str]:
        """Approve by the command line, as Ann, with the note that the tests' checkpoint wants."""
        given = ("--decision", "approve", "--name", "ann", "--note", "ran there", *words)
        return self.run("approve", str(run.id)[:8], *given)

    def begin(self, client: SyncPrefectClient, **request: Any) -> FlowRun:
        """Start a run of the deployment, as the Run form does."""
        self.offer_something_new()
        deployment = client.read_deployment_by_name(DEPLOYMENT)
        asked = {**deployment.parameters["request"], "version": "minor", "requested_by": "ada", **request}
        return client.create_flow_run_from_deployment(deployment.id, parameters={"request": asked})

    def offer_something_new(self) -> None:
        """Let somebody push when nobody did since the last release, so that a word finds something to release."""
        origin = str(self.folder / "origin.git")
        newest = git_out(origin, "describe", "--tags", "--abbrev=0", "main")
        others = git_out(origin, "log", "--invert-grep", "--grep=^Lockgate-Release: ", "--format=%s", f"{newest}..main")
        if not others:
            Sandbox.open(self.folder).commit_to_main("NEWS", f"after {newest}\n", f"Say something after {newest}")

    def until_state(self, client: SyncPrefectClient, run: FlowRun, *names: str) -> FlowRun:
        """Wait until the run is in one of these states; a final state that is none of them fails at once."""

        def look() -> FlowRun | None:
            found = client.read_flow_run(run.id)
            if found.state is not None and found.state.name in names:
                return found
            over = found.state is not None and found.state.is_final() and found.state.name != "Crashed"
            assert not over, f"{found.state}\n{self.output}"
            return None

        return until(look, f"{names}\n{self.output[-2000:]}")  # type: ignore[no-any-return]

    def until_asked(self, client: SyncPrefectClient, run: FlowRun, title: str) -> None:
        """Wait until the run asks this question."""

        def look() -> bool:
            question = read_question(client, client.read_flow_run(run.id))
            return question is not None and question.title == title

        until(look, f"the question {title!r}\n{self.output[-2000:]}")

    def children(self) -> dict[int, str]:
        """Every process below `lockgate up`, with its command line."""
        assert self.process is not None
        return below(self.process.pid)

    def until_idle(self) -> None:
        """Wait until no run has a process."""
        until(lambda: not any("prefect.engine" in line for line in self.children().values()), "the runs' processes", 60)

    def pid_of(self, words: str) -> int:
        """The process below `lockgate up` with these words in its command line, its keeper apart."""
        found = [pid for pid, line in self.children().items() if words in line and "keeper" not in line]
        assert len(found) == 1, self.children()
        return found[0]


def below(pid: int) -> dict[int, str]:
    """Every process below this one, with its command line."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True, timeout=30
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    parents = {int(row[0]): (int(row[1]), row[2] if len(row) > 2 else "") for row in rows}
    found: dict[int, str] = {}
    wanted = {pid}
    while wanted:
        wanted = {one for one, (parent, _) in parents.items() if parent in wanted}
        found |= {one: parents[one][1] for one in wanted}
    return found


def git_out(repository: str, *words: str) -> str:
    """What git says of a bare repository."""
    return subprocess.run(["git", "-C", repository, *words], capture_output=True, text=True, check=True).stdout.strip()


def git_show(repository: Path, name: str) -> str:
    """The text of a file in a bare repository, named as BRANCH:PATH."""
    return subprocess.run(
        ["git", "-C", str(repository), "show", name], capture_output=True, text=True, check=True
    ).stdout


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def station_in(folder: Path, sample: Path) -> Iterator[Station]:
    """A station with a copy of this sandbox, not started yet; whatever happens, nothing of it runs afterwards."""
    shutil.copytree(sample, folder)
    station = Station(folder)
    try:
        yield station
    finally:
        if station.process is not None and station.process.poll() is None:
            station.stop()


@contextlib.contextmanager
def connected(api: str) -> Iterator[SyncPrefectClient]:
    """A client of one server, whatever the environment says; with its password, where a station has noted one."""
    auth = PASSWORDS.get(api, os.environ.get("PREFECT_API_AUTH_STRING"))
    with (
        temporary_settings({PREFECT_API_URL: api, PREFECT_API_AUTH_STRING: auth}),
        get_client(sync_client=True) as client,
    ):
        yield client


@contextlib.contextmanager
def worker(station: Station, name: str) -> Iterator[int]:
    """`lockgate worker` with a home of its own, for the station's server; gives its process."""
    home = station.folder / name
    home.mkdir(mode=0o700)
    environ = {**station.environ, **station.outside(), "LOCKGATE_HOME": str(home), "LOCKGATE_WORKER": name}
    api = station.api
    environ |= {"PREFECT_API_URL": api, "PREFECT_API_AUTH_STRING": PASSWORDS[api]}
    environ["LOCKGATE_STORE"] = str(station.folder / "shared")
    with (home / "out.log").open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "worker"], cwd=home, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: f"Worker {name} runs here" in (home / "out.log").read_text(), "the worker")
        yield process.pid
    finally:
        process.terminate()
        assert process.wait(60) == 0, (home / "out.log").read_text()
