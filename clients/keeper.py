"""Keeps one command from outliving the process that asked for it.

Started by `clients.process` as a script of its own, never imported by other modules: it runs the command in a new
process group and waits for whichever comes first, the command's end or the end of the asking process (the lifeline,
standard input, then reads as closed). Either way everything left of the group is killed, and on Linux every other
descendant: this process adopts what loses its parent (PR_SET_CHILD_SUBREAPER, prctl(2)), so a session of its own is no
way out. This was chosen over PR_SET_PDEATHSIG because that needs `preexec_fn` (unsafe once the parent has threads),
reaches only the direct child, and fires at the end of a thread instead of a process.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path

NOT_FOUND = 127
NOT_RUNNABLE = 126
PR_SET_CHILD_SUBREAPER = 36
PR_SET_DUMPABLE = 4
END_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 0.005


def keep(command: list[str], grace: float = 0, memory: int = 0) -> int:
    """Run `command` until it ends or the lifeline closes; returns its exit code, or 128 + the signal that ended it.

    With `grace` its group is asked to end (SIGTERM) so many seconds before it is killed; with `memory` no process of it may
    allocate more bytes.

    SIGTERM is handed on to the command's group, which may end in its own time; the lifeline still counts meanwhile.
    """
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    adopts = _adopt_orphans()
    child = os.fork()
    if child == 0:
        _become(command, memory)
    _join_group(child)
    signal.signal(signal.SIGTERM, lambda *_: _signal_group(child, signal.SIGTERM))
    status = _wait(child, woken, grace)
    _signal_group(child, signal.SIGKILL)
    if adopts:
        _end_descendants()
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _wait(child: int, woken: int, grace: float) -> int:
    """The child's exit status, once it has ended by itself or because the lifeline closed."""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken not in ready:
            if grace:
                _signal_group(child, signal.SIGTERM)
                select.select([woken], [], [], grace)
            _signal_group(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        os.read(woken, 4096)
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                return ended[1]


def _adopt_orphans() -> bool:
    """Become the parent of every descendant that loses its own; False where the system knows no such thing."""
    if sys.platform != "linux":
        return False
    system = ctypes.CDLL(None)
    system.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # its variables may hold what the command's do
    return bool(system.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def _end_descendants() -> None:
    """Kill the children until there are none: those of a killed one become this process's own, and are killed next."""
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        for child in _children():
            os.kill(child, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(LOOK_AGAIN_SECONDS)


def _children() -> list[int]:
    """The processes whose parent is this one, ended ones too (proc(5): the fourth field of stat)."""
    own, found = os.getpid(), []
    for folder in Path("/proc").glob("[1-9]*"):
        try:
            parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        except OSError:
            continue  # it has ended meanwhile
        if parent == own:
            found.append(int(folder.name))
    return found


def _become(command: list[str], memory: int) -> None:
    """Turn this forked process into the command; never returns."""
    try:
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if memory:
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        os.execvp(command[0], command)  # noqa: S606 - no shell is the rule here
    except FileNotFoundError as err:
        os.write(2, f"{command[0]}: {err.strerror}\n".encode())
        os._exit(NOT_FOUND)
    except OSError as err:
        os.write(2, f"{command[0]}: {err.strerror}\n".encode())
        os._exit(NOT_RUNNABLE)


def _join_group(child: int) -> None:
    """Set the child's group from this side too, so that it exists whichever side runs first (setpgid(2))."""
    try:
        os.setpgid(child, child)
    except OSError:
        return  # the child has become the command already, after setting its group itself


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left; macOS answers EPERM when only zombies are


def _main(words: list[str]) -> int:
    """Read the options before the command: `--grace SECONDS`, `--memory BYTES`."""
    given = {"--grace": "0", "--memory": "0"}
    while words and words[0] in given:
        given[words[0]] = words[1]
        words = words[2:]
    return keep(words, float(given["--grace"]), int(given["--memory"]))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
