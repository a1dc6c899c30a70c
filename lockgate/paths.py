"""Names of files that somebody else wrote: what is a place inside a repository, whatever the file system makes of it."""

from __future__ import annotations

from pathlib import PurePosixPath

EXPECTED = "a path inside the repository, with / between its parts, that is not in .git"


class PathError(ValueError):
    """A name is no place inside a repository; its words say what was expected."""


def check_path(name: str) -> str:
    """Give the name without `.` and double slashes, or raise PathError.

    Refused are absolute paths, `..`, backslashes, characters that cannot be seen, and git's own folder in every spelling that
    some file system takes for it (`.GIT`, `.git.`, `git~1`: git's own protectHFS and protectNTFS).
    """
    path = PurePosixPath(name)
    if not name or "\\" in name or not name.isprintable() or path.is_absolute() or not path.parts:
        raise PathError(EXPECTED)
    if any(part == ".." or part.casefold().rstrip(". ") in {".git", "git~1"} for part in path.parts):
        raise PathError(EXPECTED)
    return str(path)
