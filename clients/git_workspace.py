"""Lockgate's own workspace: the one checkout that may be put back to a commit, because nobody works in it.

The project's code never runs in it: it gets exports, each a fresh one (`clients.exports`). All the same nothing that
could be written into its .git is believed: `renew` leaves objects, references and history only, and writes the
configuration anew. A person's checkout is never handed to this module.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from clients.git_process import HOOKS_SECONDS, git, is_own, mark_own, run_git
from lockgate.errors import refused
from lockgate.git_command import check_address, check_commit, check_ref_name

KEPT: Final = {"HEAD", "config", "index", "lockgate", "logs", "objects", "packed-refs", "refs", "shallow"}
DROPPED: Final = (
    "objects/info/alternates", "objects/info/http-alternates", "objects/info/commit-graph", "objects/info/commit-graphs",
    "objects/pack/multi-pack-index", "refs/replace",
)  # fmt: skip
NO_HOOKS: Final = ("-c", "core.hooksPath=/dev/null")
_LONG_NAMES: Final = re.compile(r"(?im)^\s*objectformat\s*=\s*sha256\s*$")


def claim(path: Path) -> None:
    """Mark a fresh clone as Lockgate's own: its path, so that a copy elsewhere is not taken for it."""
    mark_own(path)


def renew(path: Path, url: str) -> None:
    """Take everything out of the workspace's .git that could say how git works, and write its configuration for `url`.

    Refuses a checkout that was not claimed, and parts of it that are links.
    """
    _check_own(path)
    inner = path / ".git"
    if any((inner / name).is_symlink() for name in (".", *KEPT)):
        raise refused(
            f"a part of {inner} is a link", "a repository of Lockgate's own", f"remove {path} and start again"
        )
    for entry in (*inner.iterdir(), *(inner / name for name in DROPPED)):
        # A lock is another git's, at work right now, or left by one that was killed: `start_from` takes it away.
        if entry.name not in KEPT and entry.suffix != ".lock":
            _remove(entry)
    before = (inner / "config").read_text(encoding="utf-8", errors="replace")
    _replace(inner / "config", before, _configuration(before, url))


def start_from(path: Path, branch: str, commit: str) -> None:
    """Put the workspace on `branch` at `commit`, without whatever an interrupted run left in it.

    Refuses a checkout that was not claimed: that one belongs to a person, and its edits would be lost.
    """
    _check_own(path)
    for lock in (path / ".git").glob("*.lock"):
        lock.unlink()
    (path / ".git" / "index").unlink(missing_ok=True)
    git(path, "checkout", "--quiet", "--force", "-B", branch, commit)
    git(path, "reset", "--quiet", "--hard", commit)
    git(path, "clean", "--quiet", "-ffdx")


def revert(path: Path, branch: str, head: str, commits: Sequence[str], message: str) -> str:
    """Make one commit on `head` that takes these commits back, in this order, and give it; `head` when nothing is left of them.

    Refuses, with the workspace back at `head`, where later commits changed the same lines, and a person's checkout.
    """
    start_from(path, branch, head)
    names = [check_commit(one) for one in commits]
    status, _, _ = run_git(path, *NO_HOOKS, "revert", "--no-commit", *names)
    conflicts = git(path, "diff", "--name-only", "--diff-filter=U", "-z").split("\0")[:-1]
    run_git(path, "revert", "--quit")
    if status:
        start_from(path, branch, head)
        raise refused(
            f"the commits {', '.join(one[:12] for one in names)} cannot be reverted by themselves: "
            f"others changed {', '.join(conflicts) or 'the same files'} after them",
            "files as the release left them", f"revert them by hand: git revert {' '.join(one[:12] for one in names)}",
        )  # fmt: skip
    if run_git(path, "diff", "--cached", "--quiet", "HEAD")[0]:
        git(path, *NO_HOOKS, "commit", "--quiet", "--no-verify", f"--message={message}", seconds=HOOKS_SECONDS)
    return git(path, "rev-parse", "HEAD").strip()


def drop_tag(path: Path, tag: str) -> None:
    """Delete a tag of the workspace, if it has one of that name; origin's is not touched. Refuses a person's checkout."""
    _check_own(path)
    git(path, "update-ref", "-d", f"refs/tags/{check_ref_name(tag, 'tag')}")


def _check_own(path: Path) -> None:
    if not is_own(path):
        raise refused(
            f"{path} is a checkout that Lockgate did not make", "a workspace of Lockgate's own, to put back to a commit",
            "move it away, or set LOCKGATE_HOME to a folder that only Lockgate uses",
        )  # fmt: skip


def _configuration(before: str, url: str) -> str:
    """The whole of .git/config; of the one before only the format of names is believed."""
    check_address(url)
    quoted = url.replace("\\", "\\\\").replace('"', '\\"')
    long = _LONG_NAMES.search(before) is not None
    lines = [
        "[core]", f"repositoryformatversion = {int(long)}", "filemode = true", "bare = false", "logallrefupdates = true",
        *(("[extensions]", "objectformat = sha256") if long else ()),
        # For a machine whose git knows no person, such as a fresh worker: commits need somebody. The person counts first.
        "[user]", "name = Lockgate", "email = lockgate@localhost",
        '[remote "origin"]', f'url = "{quoted}"', "fetch = +refs/heads/*:refs/remotes/origin/*",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _replace(file: Path, before: str, text: str) -> None:
    """Replace a file in one piece, and only when it differs: another process may read it."""
    if before == text:
        return
    handle, name = tempfile.mkstemp(dir=file.parent, suffix=".lock")
    with os.fdopen(handle, "w", encoding="utf-8") as fresh:
        fresh.write(text)
    Path(name).replace(file)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
