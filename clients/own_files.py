"""Files that only this account may read or write: Lockgate's home, passwords, notes, locks."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from lockgate.errors import Problem, SettingsError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
ONLY_OURS = 0o077
"""The umask under which a file has no right for anybody else from its first byte."""

USUAL = 0o022


@contextlib.contextmanager
def for_others_too() -> Iterator[None]:
    """Let what is made meanwhile have the usual modes: files of a person's checkout, and the export that an sdist is made of."""
    before = os.umask(USUAL)
    try:
        yield
    finally:
        os.umask(before)


def check_home(home: Path) -> None:
    """Make Lockgate's home (0700) where it is missing; from here on all that this process and its children make is 0700 or 0600.

    Raises SettingsError, with the command that mends it, for a folder that is not this account's alone, that lies in a folder
    where anybody can replace it, or that holds something of another account.
    """
    os.umask(ONLY_OURS)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    found, place = home.stat(), shlex.quote(str(home))
    if found.st_uid != os.geteuid():
        raise _foreign(home, found.st_uid, f"sudo chown -R {os.geteuid()} {place}")
    if found.st_mode & OTHERS and next(os.scandir(home), None) is None:
        home.chmod(0o700)
    elif found.st_mode & OTHERS:
        raise SettingsError(
            Problem(
                f"other accounts may enter {home}: its mode is {stat.S_IMODE(found.st_mode):04o}",
                "a folder that is this account's alone (0700)",
                f"see that nobody has put anything there, then: chmod -R go= {place}",
            )
        )
    _check_above(home)
    for entry in os.scandir(home):
        owner = entry.stat(follow_symlinks=False).st_uid
        if owner != os.geteuid():
            raise _foreign(Path(entry.path), owner, f"remove it, or: sudo chown -R {os.geteuid()} {place}")


def _check_above(home: Path) -> None:
    for parent in home.resolve().parents:
        above = parent.stat()
        if above.st_mode & stat.S_IWOTH and not above.st_mode & stat.S_ISVTX:
            raise SettingsError(
                Problem(
                    f"anybody may replace {home}: {parent} has mode {stat.S_IMODE(above.st_mode):04o}",
                    "a folder above that only its owner changes",
                    f"chmod o-w {shlex.quote(str(parent))}, or set LOCKGATE_HOME to another folder",
                )
            )


def write_own(path: Path, text: str) -> None:
    """Write a file that only this account can read, as a whole: a reader sees the old text or the new one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    part.replace(path)


def read_own(path: Path) -> str | None:
    """The text of a file that only this account can have written or read; None where there is none.

    Raises SettingsError for a link, and for a file that another account owns, may read or may write.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, str(error)) from error
    with os.fdopen(file, encoding="utf-8", errors="replace") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & OTHERS:
            raise _unusable(path, f"owner {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o}")
        return stream.read()


def read_trusted(path: Path, limit: int = 64 * 1024) -> str:
    """The text of a file that steers this installation, of at most so many bytes.

    Raises SettingsError for one that is not there, is no plain file, or that anybody but this account or root may change.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as stream:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise _unsure(path, "it is no plain file", "name a file")
            if found.st_uid not in {os.geteuid(), 0}:
                raise _unsure(
                    path, f"it belongs to the account {found.st_uid}", f"sudo chown root {shlex.quote(str(path))}"
                )
            if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                mode = f"its mode is {stat.S_IMODE(found.st_mode):04o}"
                raise _unsure(path, mode, f"chmod go-w {shlex.quote(str(path))}")
            data = stream.read(limit + 1)
    except OSError as error:
        raise _unsure(path, f"it cannot be read ({error.strerror})", "correct its name, or its rights") from error
    if len(data) > limit:
        raise _unsure(path, f"it has more than {limit} bytes", "make it shorter")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _unsure(path, f"it is not UTF-8 ({error})", "write it in UTF-8") from error


def open_lock(path: Path) -> int:
    """Open the file of a lock, made where it is missing; raises SettingsError for a link and for a file of another account."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise _unusable(path, str(error)) from error
    found = os.fstat(file)
    if found.st_uid != os.geteuid() or not stat.S_ISREG(found.st_mode):
        os.close(file)
        raise _foreign(path, found.st_uid, f"rm {shlex.quote(str(path))}")
    os.fchmod(file, 0o600)
    return file


def make_folders(path: Path) -> None:
    """Make a folder and those above it that are missing, as open to others as the one that is there: a shared one stays shared."""
    if not path.is_dir():
        make_folders(path.parent)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
            path.chmod(stat.S_IMODE(path.parent.stat().st_mode))


def open_as_its_folder(file: int, folder: Path) -> None:
    """Give a file the rights of the folder that it lies in; another account's stays as it is."""
    with contextlib.suppress(PermissionError):
        os.fchmod(file, folder.stat().st_mode & 0o666)


def _unsure(path: Path, why: str, then: str) -> SettingsError:
    wanted = "a plain file in UTF-8 that only this account or root can change"
    return SettingsError(Problem(f"{path} cannot be relied on: {why}", wanted, then))


def _foreign(path: Path, owner: int, command: str) -> SettingsError:
    return SettingsError(Problem(f"{path} belongs to the account {owner}", f"the account {os.geteuid()}", command))


def _unusable(path: Path, why: str) -> SettingsError:
    wanted = "a plain file that only this account can read and write (0600)"
    return SettingsError(Problem(f"{path} is not to be trusted: {why}", wanted, f"rm {shlex.quote(str(path))}"))
