"""Trees and changes by their git ids: what a commit holds beside one file, and what a commit would change."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from clients.git_process import git
from lockgate.git_command import check_commit, check_revision

KEPT_ANSWERS: Final = 512


def tree_of_files(path: Path, files: Sequence[str], without: str = "") -> str:
    """Give the tree that HEAD would have with these files as they are in the working tree, and without one file."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(path, "read-tree", "HEAD", extra=index)
        if files:
            git(path, "add", "--all", "--", *files, extra=index)
        return _written(path, without, index)


@lru_cache(maxsize=KEPT_ANSWERS)
def tree_without(path: Path, commit: str, name: str) -> str:
    """Give the tree of a commit without one file; refuses a commit that is not here."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(path, "read-tree", check_commit(commit), extra=index)
        return _written(path, name, index)


def changes(path: Path, before: str, after: str) -> str:
    """Give the difference of two commits or trees as git's raw records: modes, blob ids and names."""
    return git(path, "diff-tree", "-r", "-z", "--no-renames", check_revision(before), check_revision(after), "--")


def commits_of_file(path: Path, head: str, name: str, limit: int) -> tuple[str, ...]:
    """List the newest commits in a history that touched one file, at most `limit` of them."""
    flags = ("--format=%H", f"--max-count={limit}", "--no-renames")
    return tuple(git(path, "log", *flags, check_revision(head), "--", name).split())


def _written(path: Path, without: str, index: dict[str, str]) -> str:
    if without:
        git(path, "update-index", "--force-remove", "--", without, extra=index)
    return git(path, "write-tree", extra=index).strip()
