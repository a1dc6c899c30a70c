# ruff: noqa: INP001 - a script, no part of a package
"""What waiting releases cost one machine: memory and processor time of each process, requests a minute, with none and with many.

Starts `lockgate up` in a new sandbox, measures it idle, lets N releases wait for a person, and measures again. A waiting
release is what Prefect's suspension leaves in its database: the run, its state, and the question with its form. Run it from the
repository: `python benchmarks/what_waiting_costs.py [N] [SECONDS]` (100 releases, 60 seconds for each measurement).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.input import keyset_from_paused_state
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect.states import Running, Suspended
from rich.console import Console
from rich.table import Table

from flows.checkpoints import Answer
from sandbox.sample import write_sample

START_SECONDS = 300.0
SETTLE_SECONDS = 20.0
WAITING_SECONDS = 7 * 24 * 3600
PROCESSES = {"server": "cli.pages", "worker": "prefect worker start", "supervisor": "cli.main up"}
REQUEST = re.compile(r'"[A-Z]+ /api/[^"]*" \d{3}')
BRIEF = (
    "## Complete test suite with --all flag\n\n" + "What was found, what this starts, what cannot be undone.\n\n" * 30
)


@dataclass(frozen=True)
class Figures:
    """What was measured over some time: MB and processor seconds of each process, how many there are, requests a minute."""

    memory: dict[str, float]
    cpu: dict[str, float]
    processes: int
    requests: float


def start(folder: Path) -> subprocess.Popen[bytes]:
    """`lockgate up` with the sample in a sandbox; the server writes a line for each request."""
    sample = write_sample(folder / "sample", upload="release assets")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "LOCKGATE_"))}
    words = ["up", "--sandbox", str(folder / "sandbox"), "--repository", str(sample), "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words],
        env={**environ, "PREFECT_SERVER_LOGGING_LEVEL": "INFO"}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while not (folder / "sandbox" / "up.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("`lockgate up` did not start")
        time.sleep(1)
    return process


def below(pid: int) -> dict[int, str]:
    """A process and every one below it, with its command line."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = {
        int(row[0]): (int(row[1]), row[2]) for row in (line.split(None, 2) for line in listed.splitlines()) if row[2:]
    }
    found, wanted = {pid: rows[pid][1]}, {pid}
    while wanted := {one for one, (parent, _) in rows.items() if parent in wanted}:
        found |= {one: rows[one][1] for one in wanted}
    return {one: line for one, line in found.items() if not line.startswith("ps ")}


def measure(up: int, log: Path, seconds: float) -> Figures:
    """The figures over so many seconds."""
    time.sleep(SETTLE_SECONDS)
    found = below(up)
    pids = {
        name: next(pid for pid, line in found.items() if words in line and "keeper" not in line)
        for name, words in PROCESSES.items()
    }
    read, before = log.stat().st_size, {name: cpu_of(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(read)
        requests = len(REQUEST.findall(file.read()))
    cpu = {name: cpu_of(pid) - before[name] for name, pid in pids.items()}
    return Figures({name: memory_of(pid) for name, pid in pids.items()}, cpu, len(found), requests * 60 / seconds)


def memory_of(pid: int) -> float:
    """What of a process is in memory, in MB."""
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024  # type: ignore[index]


def cpu_of(pid: int) -> float:
    """The processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def let_wait(client: SyncPrefectClient, number: int) -> None:
    """One more release that waits for a person."""
    deployment = client.read_deployment_by_name("release/release")
    request = {"repository": f"https://github.com/example/package-{number}", "version": "minor", "requested_by": "ada"}
    run = client.create_flow_run_from_deployment(deployment.id, parameters={"request": request}, state=Running())
    state = Suspended(timeout_seconds=WAITING_SECONDS, pause_key="tests-0")
    keys = state.state_details.run_input_keyset = keyset_from_paused_state(state)
    client.set_flow_run_state(run.id, state)
    Answer.with_initial_data(description=BRIEF).save(keys, run.id)


def print_table(many: int, idle: Figures, waiting: Figures) -> None:
    """Both measurements side by side."""
    table = Table("", "none waits", f"{many} wait", title="What waiting costs")
    for name in PROCESSES:
        table.add_row(f"{name}: memory, MB", *(f"{one.memory[name]:.0f}" for one in (idle, waiting)))
        table.add_row(f"{name}: processor, s", *(f"{one.cpu[name]:.1f}" for one in (idle, waiting)))
    table.add_row("processes in all", *(str(one.processes) for one in (idle, waiting)))
    table.add_row("requests a minute", *(f"{one.requests:.0f}" for one in (idle, waiting)))
    Console(width=100).print(table)


def main(many: int, seconds: float) -> None:
    """Measure, let releases wait, measure again."""
    with tempfile.TemporaryDirectory() as text:
        process = start(Path(text))
        try:
            home = Path(text) / "sandbox"
            log = home / "prefect" / "server.log"
            idle = measure(process.pid, log, seconds)
            note = json.loads((home / "up.json").read_text())
            with (
                temporary_settings({PREFECT_API_URL: note["api"], PREFECT_API_AUTH_STRING: note["auth"]}),
                get_client(sync_client=True) as client,
            ):
                for number in range(many):
                    let_wait(client, number)
            print_table(many, idle, measure(process.pid, log, seconds))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*given, *(100, 60)[len(given) :])
