"""Lockgate's own workspace: the one checkout that may be put back to a commit, because nobody works in it.

A person's checkout is never handed to this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clients.git_process import HOOKS_SECONDS, git, run_git
from lockgate.errors import refused
from lockgate.git_command import check_commit, check_ref_name

MARK = "lockgate.workspace"
NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
# For a machine whose git knows no person, such as a fresh worker: commits and tags need somebody.
IDENTITY = {"user.name": "Lockgate", "user.email": "lockgate@localhost"}


def claim(path: Path) -> None:
    """Mark a fresh clone as Lockgate's own: its path, in its .git/config, so that a copy elsewhere is not taken for it."""
    git(path, "config", MARK, str(path.absolute()))
    for key, value in IDENTITY.items():
        if not git(path, "config", "--default", "", "--get", key).strip():
            git(path, "config", key, value)


def start_from(path: Path, branch: str, commit: str) -> None:
    """Put the workspace on `branch` at `commit`, without whatever an interrupted run left in it.

    Refuses a checkout that was not claimed: that one belongs to a person, and its edits would be lost.
    """
    _check_own(path)
    for lock in (path / ".git").glob("*.lock"):
        lock.unlink()
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
    if git(path, "config", "--default", "", "--get", MARK).strip() != str(path.absolute()):
        raise refused(
            f"{path} is a checkout that Lockgate did not make", "a workspace of Lockgate's own, to put back to a commit",
            "move it away, or set LOCKGATE_HOME to a folder that only Lockgate uses",
        )  # fmt: skip
