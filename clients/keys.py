"""The installation's key: a file of its own, never in the store, from which all its other keys are derived."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import Problem, SettingsError
from lockgate.seals import SEED_BYTES, Seals, derive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIMIT_BYTES = 64 * 1024
_SEED = re.compile(rf"[0-9a-f]{{{2 * SEED_BYTES}}}")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key as PEM, and its id: the sha256 of its DER form."""

    id: str
    pem: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one installation, from its seeds: the first is the one in use, the others are older and only verify."""

    seeds: tuple[bytes, ...] = field(repr=False)

    @property
    def seals(self) -> Seals:
        """What records are sealed with."""
        return Seals.of(self.seeds)

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """The id of the key in use, and its Ed25519 signature."""
        return self.public_keys[0].id, _private(self.seeds[0]).sign(message)

    def is_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether one of the installation's keys made this signature."""
        from cryptography.exceptions import InvalidSignature

        for seed in self.seeds:
            with contextlib.suppress(InvalidSignature):
                _private(seed).public_key().verify(signature, message)
                return True
        return False

    @property
    def public_keys(self) -> tuple[PublicKey, ...]:
        """What others verify statements with, the key in use first."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        found = []
        for seed in self.seeds:
            public, form = _private(seed).public_key(), PublicFormat.SubjectPublicKeyInfo
            id_ = hashlib.sha256(public.public_bytes(Encoding.DER, form)).hexdigest()
            found.append(PublicKey(id_, public.public_bytes(Encoding.PEM, form).decode()))
        return tuple(found)


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


def _private(seed: bytes) -> Ed25519PrivateKey:
    # Late, here and above: most commands sign and verify nothing, and loading it takes them as long as a look at git.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(derive(seed, "statements"))


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
