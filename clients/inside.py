"""Files of a checkout or a workspace, by names that a repository wrote: no link is followed, at the moment of use.

Every part of a path is opened from the folder that holds it, so that nothing that is exchanged meanwhile leads outside, and a
file is written beside the old one and put in its place.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lockgate.documents import LONGEST
from lockgate.errors import RefusedError, refused
from lockgate.paths import PathError, check_path

_PLAIN: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | _PLAIN
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN
_NO_FOLDER: Final = {errno.ELOOP, errno.ENOTDIR}
"""What Linux and macOS say of a link where a folder was to be opened."""


def read_file(root: Path, name: str) -> bytes | None:
    """The bytes of a file below `root`; None when it is missing.

    Refuses a path that leads outside or through a link, what is no plain file, and more than is read of a text.
    """
    try:
        with _holding(root, name) as (folder, last):
            handle = os.open(last, os.O_RDONLY | _PLAIN, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(root, name, error.strerror or "") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _unreadable(root, name, "it is no plain file")
    with os.fdopen(handle, "rb") as stream:
        data = stream.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise _unreadable(root, name, f"it has more than {LONGEST} bytes")
    return data


def write_file(root: Path, name: str, data: bytes) -> None:
    """Write a file below `root` in one piece, with the folders that are missing; a file that is there keeps its mode.

    Refuses a path that leads outside or through a link, and one where something else than a plain file is.
    """
    with _holding(root, name, make=True) as (folder, last):
        mode = _mode(folder, last)
        if mode is not None and not stat.S_ISREG(mode):
            raise _unreadable(root, name, "it is no plain file")
        part = f".{secrets.token_hex(8)}.lockgate"
        handle = os.open(part, _NEW, 0o666, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                if mode is not None:
                    os.fchmod(handle, stat.S_IMODE(mode))
            os.replace(part, last, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(part, dir_fd=folder)
            raise


def check_file(root: Path, name: str) -> bool:
    """Whether there is such a file below `root`; refuses a path that leads outside or through a link, or is one."""
    try:
        with _holding(root, name) as (folder, last):
            return _mode(folder, last) is not None
    except (FileNotFoundError, NotADirectoryError):
        return False


def list_folder(root: Path, name: str) -> tuple[str, ...]:
    """The sorted names in a folder below `root`, none when it is missing; refuses as `check_file` does."""
    try:
        with _holding(root, f"{name}/.lockgate") as (folder, _):
            return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 - of the opened folder
    except (FileNotFoundError, NotADirectoryError):
        return ()


@contextlib.contextmanager
def _holding(root: Path, name: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """The opened folder that holds a file, and the file's own name in it."""
    *folders, last = _parts(root, name)
    _refuse_link(root, name)
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in folders:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=here)
            above, here = here, os.open(part, _FOLDER, dir_fd=here)
            os.close(above)
        yield here, last
    except OSError as error:
        if error.errno in _NO_FOLDER:
            _refuse_link(root, name)
        if make and isinstance(error, NotADirectoryError):
            raise _unreadable(root, name, "a part of its path is no folder") from error
        raise
    finally:
        os.close(here)


def _parts(root: Path, name: str) -> tuple[str, ...]:
    try:
        return tuple(check_path(name).split("/"))
    except PathError as error:
        raise refused(f"{name!r} leads out of {root}", str(error), "correct the path in the settings") from error


def _refuse_link(root: Path, name: str) -> None:
    """Refuse with words that tell which part is a link; what makes it safe is that no link is opened."""
    path = root
    for part in _parts(root, name):
        path /= part
        if path.is_symlink():
            with contextlib.suppress(OSError):
                raise refused(
                    f"{str(path.relative_to(root))!r} in {root} is a link to {str(path.readlink())!r}",
                    f"files and folders of the repository's own on the way to {name!r}: no link is followed",
                    "put the file itself in the link's place",
                )


def _mode(folder: int, name: str) -> int | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


def _unreadable(root: Path, name: str, why: str) -> RefusedError:
    return refused(
        f"{root / name} cannot be read: {why}",
        f"a plain file of at most {LONGEST} bytes",
        "correct the file, or its name in the settings",
    )
