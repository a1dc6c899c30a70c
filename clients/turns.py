"""The turn of a repository: the claim in the store, and the lock that a process holds while it works in the workspace."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from clients.store import Store
from lockgate.claims import Claim, from_json, to_json

TRIES = 5
BETWEEN_TRIES_SECONDS = 0.05


def read_claim(store: Store, slug: str) -> Claim | None:
    """Whose turn it is; None when it is nobody's."""
    return from_json(store.read_record(_key(slug)))


def write_claim(store: Store, slug: str, claim: Claim) -> bool:
    """Take the turn; False when another one took it at the same time and wrote last."""
    store.write_record(_key(slug), to_json(claim))
    return read_claim(store, slug) == claim


def give_back(store: Store, slug: str, run: str) -> None:
    """End this run's turn; another run's is left alone."""
    claim = read_claim(store, slug)
    if claim is not None and claim.run == run:
        store.write_record(_key(slug), "{}\n")


def claims(store: Store) -> tuple[tuple[str, Claim], ...]:
    """Every repository's slug with the claim on it."""
    slugs = [key.removeprefix("turns/") for key in store.record_keys("turns/")]
    found = ((slug, read_claim(store, slug)) for slug in slugs)
    return tuple((slug, claim) for slug, claim in found if claim is not None)


@contextlib.contextmanager
def hold(workspace: Path) -> Iterator[bool]:
    """Lock a workspace for this process; gives False when another process has it.

    The lock is the kernel's (flock(2)): it ends with the process, however that ends. It is a file beside the workspace.
    """
    workspace.parent.mkdir(parents=True, exist_ok=True)
    with _lock_file(workspace).open("ab") as file:
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


def _key(slug: str) -> str:
    return f"turns/{slug}"
