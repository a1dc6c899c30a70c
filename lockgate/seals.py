"""Seals: which record in a store this installation wrote, and under which name.

A seal is an HMAC over the record's key and text, so that a sealed text is no record under another key. The keys are derived
from the installation's seeds (RFC 5869), one for each purpose.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

SEED_BYTES = 32
MARK = "lockgate-sealed-1"
_SALT = b"lockgate installation"


def derive(seed: bytes, purpose: str) -> bytes:
    """The 32 bytes of key that a seed gives for one purpose: HKDF with SHA-256 (RFC 5869), one block."""
    extracted = hmac.digest(_SALT, seed, hashlib.sha256)
    return hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Seals:
    """The keys that records are sealed with: the first one seals, each of them opens. They are never shown."""

    keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, seeds: Iterable[bytes]) -> Seals:
        """The seals of an installation's seeds, the newest first."""
        return cls(tuple(derive(seed, "records") for seed in seeds))

    def seal(self, key: str, text: str) -> str:
        """The text as it is written under this key."""
        return f"{MARK} {_mac(self.keys[0], key, text)}\n{text}"

    def open(self, key: str, sealed: str) -> str | None:
        """The text that was sealed under this key; None for what this installation did not write there."""
        head, _, text = sealed.partition("\n")
        mark, _, mac = head.partition(" ")
        if mark != MARK or not mac.isascii():
            return None
        made = [hmac.compare_digest(_mac(one, key, text), mac) for one in self.keys]
        return text if any(made) else None


def _mac(secret: bytes, key: str, text: str) -> str:
    return hmac.new(secret, f"{MARK}\0{key}\0{text}".encode(), hashlib.sha256).hexdigest()
