"""Child processes: the one way in which Lockgate runs a command.

Argument lists only, an explicit timeout, output captured (a child that inherits standard output keeps a crashed
Prefect run "Running" until it ends), and nothing survives the process that asked for it (see `clients.keeper`).
POSIX only.
"""

from __future__ import annotations

import codecs
import ctypes
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.own_files import USUAL
from lockgate.child_environment import helper_environment
from lockgate.errors import refused
from lockgate.lines import lines_of

KEEPER = Path(__file__).with_name("keeper.py")
OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024
PR_SET_DUMPABLE = 4
_LOOK_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended.

    `returncode` is its exit code, or 128 + the number of the signal that ended it (127: not found, 126: cannot be run).
    `output` is standard output and standard error as they came; of more than 16 MiB only the end is kept.
    """

    returncode: int
    output: str
    seconds: float
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """Whether it ended by itself, with exit code 0."""
        return self.returncode == 0 and not self.timed_out

    def last_lines(self, count: int = 30) -> str:
        """The last `count` lines of the output, for a message."""
        return "\n".join(lines_of(self.output.rstrip())[-count:])


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Completed:
    """Run `command` in `cwd` for at most `timeout` seconds and return how it ended; a failing command is not an error.

    For Lockgate's own helpers: it sees `helper_environment` and then `environment` as it is. The project's code runs by
    `clients.project_code`. It reads nothing (standard input is empty). Each line of output is handed to `on_line` as it
    comes. At the timeout, when this process dies, and when the command itself ends, everything that it started is
    killed. Raises RefusedError when the program or the folder does not exist.
    """
    return run_with(
        {**helper_environment(os.environ), **(environment or {})}, command, cwd=cwd, timeout=timeout, on_line=on_line
    )


def run_with(
    variables: Mapping[str, str],
    command: Sequence[str],
    *,
    cwd: Path,
    timeout: float,
    on_line: Callable[[str], None] | None = None,
) -> Completed:
    """Run `command` as `run` does, with exactly these variables."""
    check_runnable(command, cwd, variables)
    started = time.monotonic()
    keeper = subprocess.Popen(
        [sys.executable, "-I", "-S", str(KEEPER), *command],
        cwd=cwd,
        env=dict(variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=USUAL,
    )
    kept = bytearray()
    lines = _LineSplitter(on_line)
    try:
        for block in _blocks(keeper, started + timeout):
            kept += block
            del kept[:-OUTPUT_LIMIT_BYTES]
            lines.feed(block)
        timed_out = keeper.poll() is None and time.monotonic() >= started + timeout
    finally:
        returncode = _let_go(keeper)
    lines.feed(b"", final=True)
    return Completed(returncode, kept.decode(errors="replace"), time.monotonic() - started, timed_out)


def hide_memory() -> None:
    """Let no other process of this account read this one's memory and variables, and dump no core (PR_SET_DUMPABLE).

    Linux only; root reads everything, and a child starts readable again. Called first by whatever holds the token.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def check_runnable(command: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> None:
    """Refuse a folder that does not exist, and a program that is not on the PATH of these variables."""
    if not cwd.is_dir():
        raise refused(f"the folder {str(cwd)!r} does not exist", f"a folder to run {command[0]!r} in", "create it")
    program = str(cwd / command[0]) if os.sep in command[0] else command[0]
    if shutil.which(program, path=variables.get("PATH")) is None:
        raise refused(
            f"the command {command[0]!r} was not found, or is not executable",
            "a program on PATH, or a path to one",
            "install it, or correct the command in the settings",
        )


def _blocks(keeper: subprocess.Popen[bytes], deadline: float) -> Iterator[bytes]:
    """What the command prints, until it ended or the deadline passed.

    A process that left the group may hold the pipe open for ever: the end of the keeper counts, not that of the file.
    """
    assert keeper.stdout is not None  # noqa: S101 - given as PIPE
    source = keeper.stdout.fileno()
    while (left := deadline - time.monotonic()) > 0:
        ended = keeper.poll() is not None
        ready, _, _ = select.select([source], [], [], 0 if ended else min(left, _LOOK_AGAIN_SECONDS))
        if ready:
            block = os.read(source, 65536)
            if not block:
                return
            yield block
        elif ended:
            return


def _let_go(keeper: subprocess.Popen[bytes]) -> int:
    """Close the lifeline, which makes the keeper kill what still runs, and collect the exit code."""
    assert keeper.stdin is not None and keeper.stdout is not None  # noqa: S101, PT018 - given as PIPE
    keeper.stdin.close()
    try:
        return keeper.wait(timeout=30)
    except subprocess.TimeoutExpired:
        keeper.kill()
        return keeper.wait()
    finally:
        keeper.stdout.close()


class _LineSplitter:
    """Cuts a stream of bytes into lines and hands each on."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._on_line = on_line
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._rest = ""

    def feed(self, block: bytes, *, final: bool = False) -> None:
        """Hand on every line that is complete; at the end also one without an end."""
        if self._on_line is None:
            return
        *lines, self._rest = (self._rest + self._decode(block, final)).split("\n")
        if final and self._rest:
            lines.append(self._rest)
        for line in lines:
            self._on_line(line.rstrip("\r"))
