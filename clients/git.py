"""A repository on this machine: look at it, commit release files.

Nothing here resets, cleans or stashes: what a person has in a checkout stays as it is.
A person's own hooks run at commits; none of them sees a token, because secrets are taken out of git's environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from clients import inside
from clients.git_process import HOOKS_SECONDS, git, run_git, run_git_bytes
from lockgate.documents import LONGEST
from lockgate.errors import Problem, SettingsError, refused
from lockgate.git_command import (
    check_address,
    check_commit,
    check_revision,
    is_commit_id,
)
from lockgate.git_errors import explain
from lockgate.lines import lines_of
from lockgate.repository import (
    LOG_FORMAT,
    Checkout,
    Commit,
    Entry,
    Person,
    parse_log,
    parse_refs,
    parse_status,
    parse_tree,
    unfinished_operation,
    why_not_read,
)

KEPT_ANSWERS: Final = 512
KEPT_LISTS: Final = 64
LONGEST_TARGET: Final = 1024
"""Bytes of a link's target that a message shows."""


def is_repository(path: Path) -> Literal["checkout", "bare"] | None:
    """Say what `path` itself is; None for anything else, also for a folder inside a checkout."""
    if not path.is_dir():
        return None
    status, out, error = run_git(path, "rev-parse", "--is-bare-repository", "--show-cdup")
    if status and "not a git repository" not in error:
        raise explain(f"Looking at {path}", error, remote=False)
    if status:
        return None
    bare, _, up = out.partition("\n")
    if bare == "true":
        return "bare" if (path / "HEAD").is_file() else None
    return "checkout" if not up.strip() and (path / ".git").exists() else None


def open_checkout(path: Path) -> None:
    """Refuse what no release can be made in: no repository, a bare one, a folder inside one, no commit yet."""
    kind = is_repository(path)
    if kind == "bare":
        raise refused(f"{path} is a bare repository", "a checkout with files", "Clone it and give the clone's folder")
    if kind is None:
        raise refused(
            f"{path} is not the top folder of a git checkout",
            "a git checkout of the project",
            "Give the folder that holds .git (`git rev-parse --show-toplevel` prints it)",
        )
    if resolve(path, "HEAD") is None:
        raise refused(
            f"{path} has no commit yet", "at least one commit", "Commit the project and push it to origin first"
        )


def observe_checkout(path: Path) -> Checkout:
    """Look at branch, head, every path that is not as committed, unfinished operations and tags."""
    flags = ("--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignore-submodules=none")
    branch, head, dirty = parse_status(git(path, "status", *flags))
    folder, shallow = lines_of(git(path, "rev-parse", "--absolute-git-dir", "--is-shallow-repository"))
    status, tags, error = run_git(path, "show-ref", "--tags", "--dereference")
    if status and error:
        raise explain(f"Reading the tags of {path}", error, remote=False)
    seen = parse_refs(tags)
    operation = unfinished_operation(entry.name for entry in Path(folder).iterdir())
    return Checkout(str(path), branch, head, dirty, operation, shallow == "true", seen.tags, seen.tag_objects)


def remote_url(path: Path, remote: str = "origin") -> str:
    """Give the address of a remote, as git would use it; SettingsError for a missing one, and one with a password is refused.

    A relative folder is given as an absolute one.
    """
    if remote not in lines_of(git(path, "remote")):
        raise SettingsError(
            Problem(
                f"{path} has no remote named {remote!r}", "the project's repository on GitHub as that remote",
                f"git remote add {remote} and its address",
            )
        )  # fmt: skip
    url = git(path, "remote", "get-url", "--", remote).rstrip("\n")
    check_address(url)
    folder = path / url
    return str(folder.resolve()) if ":" not in url and folder.exists() else url


def set_remote_url(path: Path, url: str, remote: str = "origin") -> None:
    """Set or add a remote's address; refuses one that holds a password."""
    check_address(url)
    known = lines_of(git(path, "remote"))
    git(path, "remote", *(("set-url",) if remote in known else ("add",)), "--", remote, url)


def resolve(path: Path, ref: str) -> str | None:
    """Give the commit that a name stands for (tags peeled), or None when there is no such commit."""
    name = f"{check_revision(ref)}^{{commit}}"
    status, out, error = run_git(path, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
    if status and error.strip():
        raise explain(f"Resolving {ref!r} in {path}", error, remote=False)
    return None if status else out.strip()


def is_ancestor(path: Path, a: str, b: str) -> bool:
    """Say whether commit `a` is `b` or in its history; refuses commits that are not here."""
    status, _, error = run_git(path, "merge-base", "--is-ancestor", check_revision(a), check_revision(b))
    if status > 1 or status < 0:
        raise explain(f"Comparing {a} with {b}", error, remote=False)
    return status == 0


def ahead_behind(path: Path, a: str, b: str) -> tuple[int, int]:
    """Count the commits that only `a` has and those that only `b` has."""
    out = git(path, "rev-list", "--left-right", "--count", f"{check_revision(a)}...{check_revision(b)}", "--")
    ahead, behind = out.split()
    return int(ahead), int(behind)


def commits_between(path: Path, base: str, head: str) -> tuple[Commit, ...]:
    """List the commits in `head` that are not in `base`, oldest first; refuses commits that are not here."""
    return _log(path, "--reverse", f"{check_revision(base)}..{check_revision(head)}")


def commits_saying(path: Path, head: str, words: str) -> tuple[Commit, ...]:
    """List the commits in `head` whose message holds these words, newest first; refuses a commit that is not here."""
    return _log(path, "--fixed-strings", f"--grep={words}", check_revision(head))


def read_commit(path: Path, sha: str) -> Commit:
    """Read one commit; refuses one that is not here."""
    return _log(path, "--max-count=1", check_revision(sha))[0]


def commit_time(path: Path, commit: str) -> int:
    """Give the committer's time of a commit in seconds since 1970 (for SOURCE_DATE_EPOCH)."""
    return int(git(path, "log", "--max-count=1", "--format=%ct", check_revision(commit), "--"))


def read_file(path: Path, commit: str, name: str) -> bytes | None:
    """Read a file as it is in a commit; None when the commit has no such file.

    Refuses a commit that is not here, a link, what lies below one, a submodule, a folder, and more than is read of a text.

    What a commit id was answered with is kept: it cannot change. A branch or tag is looked up each time.
    """
    return (_kept_file if is_commit_id(commit) else _read_file)(path, commit, name)


def _read_file(path: Path, commit: str, name: str) -> bytes | None:
    entry = _find_entry(path, commit, name)
    if entry is None:
        return None
    if why := why_not_read(entry):
        raise refused(
            f"{entry.name} of commit {commit[:12]} is {why}{_target(path, entry)}",
            f"a plain file of at most {LONGEST} bytes at {name}, in folders of the repository's own: no link is followed",
            f"put the file itself at {name} and push it",
        )
    status, out, error = run_git_bytes(path, "cat-file", "blob", entry.blob)
    if status:
        raise explain(f"Reading {name} of {commit}", error, remote=False)
    return out


_kept_file = lru_cache(maxsize=KEPT_ANSWERS)(_read_file)


def _find_entry(path: Path, commit: str, name: str) -> Entry | None:
    """What a commit has at a path, or what keeps the path from leading there: a link, or a submodule, above it."""
    above = [str(one) for one in reversed(PurePosixPath(name).parents) if one.name]
    for one in (name, *above):
        status, out, error = run_git(path, "ls-tree", "-z", "-l", "--full-tree", check_revision(commit), "--", one)
        if status:
            raise explain(f"Reading {name} of {commit}", error, remote=False)
        found = parse_tree(out)
        if found and (one == name or not (found[0].is_folder or found[0].is_plain)):
            return found[0]
    return None


def _target(path: Path, entry: Entry) -> str:
    """Where a link leads, as far as its text is one."""
    if not entry.is_link or entry.size > LONGEST_TARGET:
        return ""
    return f" to {git(path, 'cat-file', 'blob', entry.blob)!r}"


def working_text(path: Path, name: str) -> str | None:
    """Read a text file of the working tree; None when it is missing, refused outside the checkout, by a link, or not UTF-8."""
    data = inside.read_file(path, name)
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError as err:
        raise refused(
            f"{path / name} cannot be read as text: {err}", "a UTF-8 text file", "Correct the file's name or text"
        ) from err


def read_text(path: Path, commit: str, name: str) -> str | None:
    """Read a file as `read_file` does; refuses one that is not UTF-8."""
    data = read_file(path, commit, name)
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError as err:
        raise refused(
            f"{name} of commit {commit[:12]} is no text: {err}", "a UTF-8 text file", f"Correct {name} and push it"
        ) from err


def list_files(path: Path, commit: str) -> tuple[str, ...]:
    """List the plain files of a commit, neither links nor submodules; kept and looked up as by `read_file`."""
    return tuple(entry.name for entry in list_entries(path, commit) if entry.is_plain)


def list_entries(path: Path, commit: str) -> tuple[Entry, ...]:
    """List all that a commit holds but folders, links and submodules too; kept and looked up as by `read_file`."""
    return (_kept_list if is_commit_id(commit) else _list_entries)(path, commit)


def _list_entries(path: Path, commit: str) -> tuple[Entry, ...]:
    return parse_tree(git(path, "ls-tree", "-r", "-z", "-l", "--full-tree", check_revision(commit)))


_kept_list = lru_cache(maxsize=KEPT_LISTS)(_list_entries)


def changed_files(path: Path, base: str, head: str) -> tuple[str, ...]:
    """List the files that differ between two commits; a rename gives both names."""
    names = ("--name-only", "--no-renames", "-r", "-z")
    return tuple(git(path, "diff-tree", *names, check_revision(base), check_revision(head), "--").split("\0")[:-1])


def fast_forward(path: Path, commit: str) -> None:
    """Move the checked-out branch, and its files, forward to `commit`; does nothing when it holds it already.

    Refuses a dirty or detached checkout, an unfinished operation, and a branch with commits that `commit` lacks.
    """
    check_commit(commit)
    seen = observe_checkout(path)
    if seen.head and is_ancestor(path, commit, seen.head):
        return
    _require_branch(seen)
    if seen.dirty:
        raise refused(
            f"{path} has changes that are not committed: {', '.join(seen.dirty[:10])}",
            "a clean checkout before it is moved forward",
            "Commit them, or put them away yourself",
        )
    if not is_ancestor(path, "HEAD", commit):
        raise refused(
            f"{seen.branch} and {commit[:12]} have gone different ways",
            "a branch that only lacks commits",
            f"Push, rebase or move your own commits away, then run again (`git log {commit[:12]}..HEAD` lists them)",
        )
    git(path, "merge", "--ff-only", "--quiet", commit, seconds=HOOKS_SECONDS)


def commit_files(path: Path, files: Sequence[str], message: str, author: Person | None = None) -> str:
    """Commit exactly these files as they are in the working tree; gives the head, also when nothing differed.

    What else is changed or staged stays as it is. The person's hooks run; refuses when one declines, or when the commit
    does not hold these bytes afterwards. Removed files are committed as removed.
    """
    seen = observe_checkout(path)
    _require_branch(seen)
    names = [name for name in dict.fromkeys(files) if inside.check_file(path, name) or _is_tracked(path, name)]
    wanted = {name: _working_blob(path, name) for name in names}
    if any(_committed_blob(path, "HEAD", name) != blob for name, blob in wanted.items()):
        git(path, "add", "--", *names)
        identity = author.environment if author else None
        git(
            path,
            "commit",
            "--quiet",
            "--only",
            f"--message={message}",
            "--",
            *names,
            extra=identity,
            seconds=HOOKS_SECONDS,
        )
    _verify_commit(path, seen.head, wanted)
    return git(path, "rev-parse", "HEAD").strip()


def _require_branch(seen: Checkout) -> None:
    if seen.operation:
        raise refused(
            f"A {seen.operation} is not finished in {seen.path}",
            "no operation in progress",
            "Finish or abort it (`git status` shows how), then run again",
        )
    if seen.branch is None:
        raise refused(f"{seen.path} is on no branch (detached HEAD)", "a branch", "Check out the release branch")


def _verify_commit(path: Path, before: str | None, wanted: Mapping[str, str | None]) -> None:
    """Hooks can change files, and git skips files marked assume-unchanged: look at what the commit really holds."""
    head = git(path, "rev-parse", "HEAD").strip()
    others = set(changed_files(path, before, head)) - set(wanted) if before and before != head else set()
    wrong = [name for name, blob in wanted.items() if _committed_blob(path, head, name) != blob]
    if wrong or others:
        raise refused(
            f"Commit {head[:12]} does not hold what was to be committed: {', '.join(sorted([*wrong, *others]))}",
            f"exactly the given files: {', '.join(wanted)}",
            "Look at the commit (it is not pushed) and at the repository's hooks, undo it yourself, then run again",
        )


def _working_blob(path: Path, name: str) -> str | None:
    if not inside.check_file(path, name):
        return None
    return git(path, "hash-object", f"--path={name}", "--", name).strip()


def _committed_blob(path: Path, commit: str, name: str) -> str | None:
    entry = git(path, "ls-tree", "-z", "--full-tree", commit, "--", name).partition("\t")[0]
    return entry.split(" ")[2] if entry else None


def _is_tracked(path: Path, name: str) -> bool:
    return bool(git(path, "ls-files", "-z", "--", name))


def _log(path: Path, *selection: str) -> tuple[Commit, ...]:
    flags = ("--name-only", "--no-renames", "--diff-merges=first-parent", "--root", f"--format={LOG_FORMAT}")
    return parse_log(git(path, "log", "-z", *flags, *selection, "--"))
