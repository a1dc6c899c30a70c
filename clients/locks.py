"""Processes of this machine: the lock that one holds while it works in a workspace, and whether one is alive."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from clients.own_files import open_lock

TRIES = 5
BETWEEN_TRIES_SECONDS = 0.05


@contextlib.contextmanager
def hold(workspace: Path) -> Iterator[bool]:
    """Lock a workspace for this process; gives False when another process has it.

    The lock is the kernel's (flock(2)): it ends with the process, however that ends. It is a file beside the workspace that only
    this account can open. Raises SettingsError for a link there, and for a file of another account.
    """
    with os.fdopen(open_lock(_lock_file(workspace)), "ab") as file:
        yield _lock(file.fileno())


def _lock(file: int) -> bool:
    """Try for a moment: somebody who only looks whether it is locked has it locked meanwhile."""
    for _ in range(TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(BETWEEN_TRIES_SECONDS)
    return False


def is_held(workspace: Path) -> bool:
    """Whether some process has this workspace locked."""
    if not _lock_file(workspace).exists():
        return False
    with hold(workspace) as free:
        return not free


def here() -> str:
    """This machine, as a claim names it."""
    return socket.gethostname()


def is_alive(pid: int, variable: str) -> bool:
    """Whether this process runs, with NAME=VALUE in its environment where the system tells (Linux: proc(5))."""
    try:
        os.kill(pid, 0)
        return variable.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except ProcessLookupError:
        return False
    except OSError:
        return True


def _lock_file(workspace: Path) -> Path:
    return workspace.with_name(f"{workspace.name}.lock")
