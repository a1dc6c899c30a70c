"""The installation's key: a file of its own, never in the store, from which all its other keys are derived."""

from __future__ import annotations

import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from lockgate.errors import Problem, SettingsError
from lockgate.seals import SEED_BYTES, Seals

LIMIT_BYTES = 64 * 1024
_SEED = re.compile(rf"[0-9a-f]{{{2 * SEED_BYTES}}}")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one installation, from its seeds: the first is the one in use, the others are older and only verify."""

    seeds: tuple[bytes, ...] = field(repr=False)

    @property
    def seals(self) -> Seals:
        """What records are sealed with."""
        return Seals.of(self.seeds)


def read_keys(path: Path) -> Keys:
    """The keys in a file.

    Raises SettingsError for one that is not there, that others may read or own, or that holds anything but keys.
    """
    try:
        with path.open("rb") as file:
            _check_owner(path, os.fstat(file.fileno()))
            text = file.read(LIMIT_BYTES).decode("ascii", errors="replace")
    except OSError as error:
        raise SettingsError(Problem(f"the key file {path} cannot be read: {error.strerror}", _WANTED, _COPY)) from error
    lines = [line.strip() for line in text.split("\n")]
    seeds = [line for line in lines if line and not line.startswith("#")]
    if not seeds or not all(_SEED.fullmatch(one) for one in seeds):
        raise SettingsError(
            Problem(f"{path} holds something else than keys", _WANTED, "restore the file; or see docs/operations.md")
        )
    return Keys(tuple(bytes.fromhex(one) for one in seeds))


def make_key(path: Path) -> None:
    """Write a new key to a file that is not there, for its owner alone from its first byte; a file that is there stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(SEED_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        # Of several who make one at once, one wins; a link never replaces what is there.
        if not path.exists():
            path.hardlink_to(part)
    except FileExistsError:
        return
    finally:
        part.unlink()


def _check_owner(path: Path, seen: os.stat_result) -> None:
    if seen.st_uid not in {os.geteuid(), 0}:
        seen_now, then = f"the key file {path} belongs to user {seen.st_uid}", f"chown {os.geteuid()} {path}"
    elif seen.st_mode & _OTHERS:
        seen_now, then = (
            f"others may use the key file {path} (mode {stat.S_IMODE(seen.st_mode):04o})",
            f"chmod 600 {path}",
        )
    else:
        return
    raise SettingsError(
        Problem(seen_now, "a file that is its owner's alone: who has it can make records that count", then)
    )


_WANTED = "lines of 64 hexadecimal digits, the newest key first"
_COPY = "copy the key file of the installation's first machine there (docs/operations.md), or unset LOCKGATE_KEY_FILE"
