# ruff: noqa: INP001 - a script, no part of a package
"""Where the seconds of a release go: a table per step of wall time, processor time, child processes and requests.

Releases the sample package in a new sandbox, with a Prefect server that was started before. Run it from the repository:
`python benchmarks/where_the_time_goes.py`. Compare figures of one run with each other only: the machine is shared.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cli.prefect_server import prefect_server
from cli.releasing import run_release
from cli.stand_ins import open_sandbox, use
from lockgate.request import Request
from lockgate.steps import CHART
from sandbox.sample import write_sample

IMPORTS, BEFORE, AFTER = "(imports)", "(flow and plan)", "(after the last step)"
LAUNCHERS = {"setpriv", "env", "-u", "--pdeathsig", "TERM", "--", "-I", "-S"}


@dataclass
class Phase:
    """What was counted from one line of the table to the next."""

    wall: float = 0.0
    cpu: float = 0.0
    processes: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)


class Meter(logging.Handler):
    """Counts for the phase that runs now; a phase begins with the line that a step logs when it begins."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.phases: dict[str, Phase] = {}
        self._began = (time.monotonic(), _cpu())
        self.enter(IMPORTS)

    def enter(self, key: str) -> None:
        """End the phase that runs, and begin another."""
        now = (time.monotonic(), _cpu())
        if self.phases:
            last = self.phases[self._key]
            last.wall += now[0] - self._began[0]
            last.cpu += now[1] - self._began[1]
        self._key, self._began = key, now
        self.phases.setdefault(key, Phase())

    def emit(self, record: logging.LogRecord) -> None:
        """Note a step's begin or end, or a request."""
        if record.name == "httpx":
            method, url = str(record.args[0]), str(record.args[1])  # type: ignore[index]
            if os.environ["PREFECT_API_URL"] not in url:
                self.phases[self._key].requests[f"{method} {url.partition('?')[0]}"] += 1
        elif (begins := getattr(record, "begins", None)) is not None:
            self.enter(begins)
        elif getattr(record, "outcome", None) is not None:
            self.enter("(between the steps)" if record.outcome.key != "finish" else AFTER)  # type: ignore[attr-defined]

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        """Note a child process; an audit hook."""
        if event == "subprocess.Popen" and isinstance(words := arguments[1], list):
            self.phases[self._key].processes[_name([str(word) for word in words])] += 1


def _cpu() -> float:
    seconds = os.times()
    return seconds.user + seconds.system + seconds.children_user + seconds.children_system


def _name(words: list[str]) -> str:
    """What a command line really starts, behind what keeps it from outliving its parent."""
    if "-c" in words and "git" not in words:
        return "python -c"
    rest = [word for word in words if not word.startswith("GIT_") and word not in LAUNCHERS and "keeper.py" not in word]
    names = [Path(word).name for word in rest if not word.startswith("-")]
    if "git" in names:
        return " ".join(["git", *[name for name in names[names.index("git") + 1 :] if "=" not in name][:1]])
    return next((name for name in names if not name.startswith("python")), names[0])


def measure() -> Meter:
    """One release of the sample on a warm server."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        os.environ["PREFECT_HOME"] = str(folder / "prefect")
        sample = write_sample(folder / "sample", upload="release assets")
        with prefect_server(), open_sandbox(folder / "sandbox", str(sample), "") as sandbox:
            request = Request(use(sandbox), "minor", requested_by="benchmark", approve_all=True, tested="not")
            meter = Meter()
            from flows.release_flow import release  # noqa: F401 - what takes the time is loading it

            meter.enter(BEFORE)
            for name in ("tasks.work", "httpx"):
                logging.getLogger(name).addHandler(meter)
                logging.getLogger(name).setLevel(logging.INFO)
            sys.addaudithook(meter.hear)
            report, _ = run_release(request, Console(file=io.StringIO()), asks=False)
            meter.enter("")
            if report.exit_code:
                raise SystemExit(f"the release ended with {report.exit_code}: {report.refusals}")
    return meter


def print_table(meter: Meter, console: Console) -> None:
    """The phases in the order of the chart, with what they share of the whole."""
    table = Table(
        "phase", "wall s", "%", "cpu s", "git", "other processes", "requests", title="One release of the sample"
    )
    order = [IMPORTS, BEFORE, *(step.key for step in CHART), "(between the steps)", AFTER]
    total = sum(phase.wall for phase in meter.phases.values())
    for key in (key for key in order if key in meter.phases):
        phase = meter.phases[key]
        git = sum(count for name, count in phase.processes.items() if name.startswith("git "))
        others = ", ".join(f"{name} {count}" for name, count in phase.processes.items() if not name.startswith("git "))
        row = (f"{phase.wall:.2f}", f"{100 * phase.wall / total:.0f}", f"{phase.cpu:.2f}", str(git), others)
        table.add_row(key, *row, str(phase.requests.total()))
    console.print(table)
    every = sum((phase.processes for phase in meter.phases.values()), Counter[str]())
    console.print("child processes:", ", ".join(f"{name} {count}" for name, count in every.most_common()))
    again = sum((phase.requests for phase in meter.phases.values()), Counter[str]())
    console.print("requests made most:", *(f"\n  {count} {name}" for name, count in again.most_common(12)))


if __name__ == "__main__":
    print_table(measure(), Console(width=150))
