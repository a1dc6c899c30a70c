"""The store of artifacts' bytes and of small records: a folder, or any fsspec URL that several machines share.

Bytes are kept under their sha256 and never overwritten by others; a record is a small text that is replaced as a whole. Others
may write to a store: a record is sealed, and what this installation did not seal under this very key is not read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from clients.own_files import make_folders, open_as_its_folder
from lockgate.errors import LockgateError, Problem, SettingsError, refused, unavailable
from lockgate.seals import Seals

BLOCK_BYTES = 1024 * 1024
SETTLE_SECONDS = 2.0
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY_PART = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]*")


@dataclass(frozen=True, slots=True)
class Store:
    """Where artifacts and records are kept: a folder's path, or a URL of a scheme that fsspec knows.

    `seals` are what its records are sealed with. Credentials come from the environment, as the scheme has it, never from the
    URL. Every method raises UnavailableError when the store does not answer, and SettingsError for a URL that cannot be used.
    """

    url: str
    seals: Seals = field(repr=False)

    def put(self, path: Path) -> str:
        """Keep a file's bytes and return their sha256; read back before it is believed.

        The same bytes already there: nothing to do. Other bytes under that name (a damaged store): RefusedError.
        """
        sha256 = _digest_of(path)
        with self._reached(f"keeping {path.name}") as (system, root):
            place = _place(root, sha256)
            if not _exists(system, place):
                _write(system, place, path.read_bytes())
            _check(_digest_in(system, place), sha256, f"the store's bytes for {path.name}", _DAMAGED)
        return sha256

    def has(self, sha256: str) -> bool:
        """Whether bytes are kept under this digest; whether they are sound shows when they are fetched."""
        with self._reached(f"looking for {sha256[:12]}") as (system, root):
            return _exists(system, _place(root, sha256))

    def is_sound(self, sha256: str) -> bool:
        """Whether bytes are kept under this digest and are the ones that it is of; all of them are read."""
        with self._reached(f"reading {sha256[:12]}") as (system, root):
            place = _place(root, sha256)
            return _exists(system, place) and _digest_in(system, place) == sha256

    def fetch(self, sha256: str, destination: Path) -> None:
        """Write the bytes with this sha256 to `destination`, whole or not at all.

        Raises RefusedError when the store does not have them, or when what it has are other bytes.
        """
        with self._reached(f"fetching {destination.name}") as (system, root):
            place = _place(root, sha256)
            if not _exists(system, place):
                seen = f"the store has no bytes {sha256} for {destination.name}"
                raise refused(seen, "what an earlier step kept", "Use the store of that run, or restart the release")
            content = system.cat_file(place)
        _check(hashlib.sha256(content).hexdigest(), sha256, f"the store's bytes for {destination.name}", _DAMAGED)
        destination.parent.mkdir(parents=True, exist_ok=True)
        _replace(destination, content)

    def read_record(self, key: str) -> str | None:
        """The text of a record; None when there is none that this installation wrote under this key."""
        sealed = self._sealed(key)
        return None if sealed is None else self.seals.open(key, sealed)

    def is_foreign(self, key: str) -> bool:
        """Whether there is something under this key that this installation did not write there."""
        sealed = self._sealed(key)
        return sealed is not None and self.seals.open(key, sealed) is None

    def read_foreign(self, key: str) -> str:
        """The text under this key that this installation did not write there: to be shown, never to be believed; "" without one."""
        sealed = self._sealed(key)
        return "" if sealed is None or self.seals.open(key, sealed) is not None else sealed.partition("\n")[2]

    def _sealed(self, key: str) -> str | None:
        with self._reached(f"reading the record {key}") as (system, root):
            try:
                return bytes(system.cat_file(_record(root, key))).decode(errors="replace")
            except FileNotFoundError:
                return None

    def write_record(self, key: str, text: str) -> None:
        """Write a record, in place of an older one: a reader sees the old text or the new one, never a part."""
        with self._reached(f"writing the record {key}") as (system, root):
            _write(system, _record(root, key), self.seals.seal(key, text).encode())

    def swap_record(self, key: str, old: str | None, new: str) -> bool:
        """Replace a record if it is still `old` (None: not there); of several who try, one succeeds.

        In a folder a lock of the operating system sees to that. Elsewhere it is written, and looked at once more after a
        while that is longer than anybody's way from reading to writing.
        """
        with (
            self._reached(f"replacing the record {key}") as (system, root),
            _alone(system, _record(root, key)) as alone,
        ):
            if self.read_record(key) != old:
                return False
            self.write_record(key, new)
            if not alone:
                time.sleep(SETTLE_SECONDS)
            return self.read_record(key) == new

    def record_keys(self, prefix: str = "") -> tuple[str, ...]:
        """The keys of all records that begin with `prefix`, sorted; whose they are shows when they are read."""
        with self._reached("listing the records") as (system, root):
            system.invalidate_cache()
            folder = f"{root}/records"
            names = system.find(folder) if _exists(system, folder) else []
        keys = (str(name).split("/records/", 1)[1] for name in names if str(name).endswith(".json"))
        found = (name.removesuffix(".json") for name in keys)
        return tuple(sorted(key for key in found if key.startswith(prefix) and _is_key(key)))

    @contextmanager
    def _reached(self, what: str) -> Iterator[tuple[Any, str]]:
        """The file system behind the URL and the folder in it; its errors, translated."""
        shown = re.sub(r"//[^/@]*@", "//", self.url)
        try:
            system, root = fsspec.url_to_fs(self.url, use_listings_cache=False)
        except (ImportError, ValueError) as err:
            example = "a folder, or a URL that fsspec knows"
            raise SettingsError(Problem(f"The store {shown!r} cannot be used: {err}", example, _SET_STORE)) from err
        try:
            yield system, str(root).rstrip("/")
        except PermissionError as err:
            raise refused(f"The store {shown!r} refused {what}: {err}", "rights to read and write", _SET_STORE) from err
        except LockgateError:
            raise
        except Exception as err:  # an object store's package has errors of its own (botocore's, aiohttp's)
            seen = f"The store {shown!r} failed while {what}: {type(err).__name__}: {err}"
            raise unavailable(seen, "a store that answers", "Check disk and network, then try again") from err


_SET_STORE = "Correct the store's address, or its rights"
_DAMAGED = "The store is damaged: find out who wrote there, then restart the release with an empty store"


@contextmanager
def _alone(system: Any, place: str) -> Iterator[bool]:
    """Be the only one who replaces this record, where a lock can see to it; gives whether it does."""
    if not isinstance(system, LocalFileSystem):
        yield False
        return
    path = Path(place)
    make_folders(path.parent)
    with path.with_name(f".{path.name}.lock").open("ab") as file:
        open_as_its_folder(file.fileno(), path.parent)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield True


def _exists(system: Any, place: str) -> bool:
    """Whether something is there; fsspec's own `exists` answers False when the store is down."""
    try:
        system.info(place)
    except FileNotFoundError:
        return False
    return True


def _place(root: str, sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise refused(f"{sha256!r} is not a sha256", "64 lower-case hexadecimal digits", "Report where it came from")
    return f"{root}/artifacts/{sha256[:2]}/{sha256}"


def _is_key(text: str) -> bool:
    return all(_KEY_PART.fullmatch(part) for part in text.split("/"))


def _record(root: str, key: str) -> str:
    """A record's place; the suffix lets the keys `a` and `a/b` live side by side in a folder."""
    if not _is_key(key):
        allowed = "letters, digits and . _ + - between slashes, no part that begins with a dot"
        raise refused(f"{key!r} cannot be a record's key", allowed, "Choose another key")
    return f"{root}/records/{key}.json"


def _write(system: Any, place: str, content: bytes) -> None:
    """Write at once: in a folder by renaming; elsewhere fsspec's pipe_file is one request or one finished upload."""
    if isinstance(system, LocalFileSystem):
        make_folders(Path(place).parent)
        _replace(Path(place), content)
    else:
        system.makedirs(place.rsplit("/", 1)[0], exist_ok=True)
        system.pipe_file(place, content)


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            open_as_its_folder(file.fileno(), path.parent)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_in(system: Any, place: str) -> str:
    digest = hashlib.sha256()
    with system.open(place, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _check(found: str, wanted: str, what: str, advice: str) -> None:
    if found != wanted:
        raise refused(f"{what} have the sha256 {found}", wanted, advice)
