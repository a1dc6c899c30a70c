"""Keeps one command from outliving the process that asked for it.

Started by `clients.process` as a script of its own, never imported by other modules: it runs the command in a new
process group and waits for whichever comes first, the command's end or the end of the asking process (the lifeline,
standard input, then reads as closed). Either way everything left of the group is killed. This was chosen over
PR_SET_PDEATHSIG because that needs `preexec_fn` (unsafe once the parent has threads), reaches only the direct child,
fires at the end of a thread instead of a process, and exists on Linux only (prctl(2)).
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys

NOT_FOUND = 127
NOT_RUNNABLE = 126


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
    child = os.fork()
    if child == 0:
        _become(command, memory)
    _join_group(child)
    signal.signal(signal.SIGTERM, lambda *_: _signal_group(child, signal.SIGTERM))
    status = _wait(child, woken, grace)
    _signal_group(child, signal.SIGKILL)
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
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status


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
