"""A release in a process of its own, and ways to kill it: at a request, by the sandbox; at a local event, by itself.

Local events are Python's audit events: a command that is started (`run …`), a file that gets its name (`write …`). So no part
of the release knows of its end, and nothing is replaced to bring it about.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Literal

from lockgate.continuation import OUTSIDE
from lockgate.errors import LockgateError
from lockgate.request import Request
from sandbox.faults import Fault, Faults, ServiceName
from tasks.actions import wait_for_publish
from tasks.ends import start_release
from tests.stages import ORDER, Stage, run_step

SECONDS = 240.0
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.killing"])

When = Literal["before", "after"]


@dataclass(frozen=True)
class AtRequest:
    """Killed at a request to the outside: before it is carried out, or after, before the reply."""

    service: ServiceName
    match: str
    when: When
    skip: int = 0

    def arm(self, faults: Faults, pid: int) -> None:
        """Let the sandbox kill this process; its git may live long enough to ask once more, and is refused."""
        options = {"pid": pid, "when": self.when}
        faults.add(Fault("kill-caller", self.service, self.match, after=self.skip, options=options))
        faults.add(Fault("refuse", self.service, self.match, times=5, after=self.skip))


@dataclass(frozen=True)
class AtEvent:
    """Killed at a local event: `event` is searched in `STEP: run COMMAND` and `STEP: write PATH`; after: at the next event."""

    event: str
    when: When
    skip: int = 0


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, each step's outcome, and what was said when it failed."""

    code: int
    outcomes: Mapping[str, str]
    said: str = ""

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -signal.SIGKILL


@dataclass
class Killer:
    """Kills its own process at an event. An audit hook, which cannot be taken away again."""

    point: AtEvent
    step: str = "start"
    left: int = field(init=False)
    due: bool = False

    def __post_init__(self) -> None:
        self.left = self.point.skip

    def __call__(self, name: str, arguments: tuple[Any, ...]) -> None:
        """One audit event."""
        event = describe(name, arguments)
        if not event:
            return
        if self.due:
            os.kill(os.getpid(), signal.SIGKILL)
        if re.search(self.point.event, f"{self.step}: {event}"):
            self.left -= 1
            if self.left < 0:
                self.due = True
                if self.point.when == "before":
                    os.kill(os.getpid(), signal.SIGKILL)


def describe(name: str, arguments: tuple[Any, ...]) -> str:
    """The event in words; empty for one that is no change."""
    if name == "subprocess.Popen":
        words = [os.fspath(word) for word in arguments[1]]
        return "run " + " ".join(words[words.index("git") :] if "git" in words else words)
    return f"write {os.fspath(arguments[1])}" if name == "os.rename" else ""


def release_until_the_end(
    connection: Connection, environ: Mapping[str, str], request: Request, point: AtEvent | None, rerun: bool
) -> None:
    """The body of the process: the plan, then every step, as the flow does; tells the outcomes at the end."""
    os.environ.clear()
    os.environ.update(environ)
    connection.recv()
    killer = Killer(point) if point else None
    if killer:
        sys.addaudithook(killer)
    outcomes: dict[str, str] = {}
    try:
        started = start_release.fn(request, OUTSIDE)
        started.plan.refuse()
        for key in ORDER:
            if killer:
                killer.step = key
            if key == "wait" and rerun:
                wait_for_publish.fn(started.release, rerun=True)
            else:
                run_step(started.release, key)
            outcomes[key] = started.release.outcomes[key].outcome
    except LockgateError as error:
        connection.send((outcomes, f"{type(error).__name__}: {error}"))
        raise SystemExit(1) from None
    connection.send((outcomes, ""))


def start(
    stage: Stage, point: AtRequest | AtEvent | None = None, *, environ: Mapping[str, str] | None = None,
    version: str = "minor", repository: str = "", rerun: bool = False,
) -> Ended:  # fmt: skip
    """Release in a process of its own, until it is done, refuses, or is killed at the point."""
    here, there = PROCESSES.Pipe()
    event = point if isinstance(point, AtEvent) else None
    arguments = (there, environ or stage.environ(), stage.request(version, repository), event, rerun)
    process = PROCESSES.Process(target=release_until_the_end, args=arguments)
    process.start()
    there.close()
    if isinstance(point, AtRequest):
        point.arm(stage.sandbox.faults, process.pid or 0)
    here.send("go")
    outcomes, said = _told(here)
    process.join(SECONDS)
    assert process.exitcode is not None, f"the release did not end within {SECONDS:.0f} s"
    stage.sandbox.faults.clear()
    stage.sandbox.wait_idle(60)
    return Ended(process.exitcode, outcomes, said)


def _told(here: Connection) -> tuple[dict[str, str], str]:
    if not here.poll(SECONDS):
        return {}, "nothing"
    try:
        told: tuple[dict[str, str], str] = here.recv()
    except EOFError:
        return {}, ""
    return told
