"""Origin over the network: what it has, clone, fetch, and plain pushes that it may reject. Nothing is ever forced.

A token travels as a header for the one address (lockgate/git_command.py). Hooks of the checkout do not run here: they
would inherit that header. Whether a push that broke off has arrived is not known: look before repeating it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from clients.git_process import NOWHERE, READ_SECONDS, git, run_git
from lockgate.errors import Problem, RefusedError, refused
from lockgate.git_command import check_address, check_commit, check_ref_name
from lockgate.git_errors import explain, explain_push
from lockgate.repository import Origin, clobbered_tags, parse_push, parse_refs
from lockgate.secrets import Token

_TRANSFER_SECONDS: Final = 1800.0
_NO_HOOKS: Final = ("-c", "core.hooksPath=/dev/null")
# git-config(1) http.lowSpeedLimit: below 1000 bytes a second for this long, git itself gives up, without leaving locks.
_STALLED: Final = {"GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "60"}


def observe_origin(url: str, token: Token | None, path: Path = NOWHERE) -> Origin:
    """Ask origin for its branches and tags. UnavailableError when it does not answer, RefusedError when it declines.

    With `path` the checkout's own configuration counts (such as core.sshCommand), else only the person's.
    """
    return parse_refs(_ls_remote(path, url, token, "HEAD", "refs/heads/*", "refs/tags/*"))


def default_branch(url: str, token: Token | None, path: Path = NOWHERE) -> str | None:
    """Ask which branch origin's HEAD names; None when it names none that exists. Fails as observe_origin does."""
    return parse_refs(_ls_remote(path, url, token, "HEAD")).default_branch


def clone(url: str, path: Path, token: Token | None, branch: str | None = None) -> None:
    """Clone origin into `path`, whole or not at all; refuses a folder with something in it. No submodules.

    Without `branch` origin's HEAD is checked out. A killed clone leaves only a folder `.NAME.cloning-…` beside it.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise refused(f"{path} is there already and not empty", "no folder, or an empty one", "Give another folder")
    wanted = (f"--branch={check_ref_name(branch, 'branch')}",) if branch else ()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.cloning-", dir=path.parent) as folder:
        arguments = ("clone", "--quiet", "--no-recurse-submodules", *wanted, "--", url, "clone")
        _read(Path(folder), url, token, f"Cloning {url}", *arguments, own=True, seconds=_TRANSFER_SECONDS)
        (Path(folder) / "clone").rename(path)


def fetch(path: Path, url: str, token: Token | None, branch: str) -> tuple[str, ...]:
    """Fetch a branch into refs/remotes/origin/ and origin's tags; gives the names of tags that differ here and stay.

    Local branches and files are not touched. A shallow checkout gets its whole history, because ancestry cannot be
    judged without it; refuses when origin itself is shallow.
    """
    check_address(url, token)
    name = check_ref_name(branch, "branch")
    wanted = (f"+refs/heads/{name}:refs/remotes/origin/{name}", "refs/tags/*:refs/tags/*")
    deepen = ("--unshallow",) if _is_shallow(path) else ()
    flags = ("--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-maintenance", *deepen)
    status, _, error = run_git(
        path,
        *_NO_HOOKS,
        "fetch",
        *flags,
        "--",
        url,
        *wanted,
        url=url,
        token=token,
        extra=_STALLED,
        seconds=_TRANSFER_SECONDS,
    )
    differing = clobbered_tags(error)
    if status and not differing:
        raise explain(f"Fetching {branch} from {url}", error)
    if _is_shallow(path):
        raise refused(f"The history of {path} is cut off", "a complete history", "Run `git fetch --unshallow` there")
    return differing


def push_branch(path: Path, url: str, token: Token | None, commit: str, branch: str, *, expected: str) -> None:
    """Push `commit` to the branch, forward only; does nothing when it is there already.

    Refuses when origin's branch is no longer at `expected`, when `commit` does not come after it, and when the server
    declines (rule, permission); UnavailableError when the connection fails.
    """
    ref = f"refs/heads/{check_ref_name(branch, 'branch')}"
    there = parse_refs(_ls_remote(path, url, token, ref)).heads.get(branch)
    if there == check_commit(commit):
        return
    if there != expected:
        raise refused(
            f"{branch} on origin is at {there[:12] if there else 'no commit'}",
            f"{expected[:12]}, as when it was last looked at: the branch moved",
            "Fetch and look at what was pushed meanwhile; run again so that the release is made on top of it",
        )
    _push(path, url, token, f"{commit}:{ref}", f"Pushing {commit[:12]} to {branch} on {url}")


def push_tag(path: Path, url: str, token: Token | None, tag: str) -> None:
    """Push a local tag; the same tag already on origin is fine.

    Refuses a tag of that name that differs on origin, and what the server declines; UnavailableError when the
    connection fails.
    """
    ref = f"refs/tags/{check_ref_name(tag, 'tag')}"
    _push(path, url, token, f"{ref}:{ref}", f"Pushing tag {tag} to {url}")


def try_push_tag(path: Path, url: str, token: Token | None, commit: str, tag: str) -> tuple[Problem, ...]:
    """Ask origin, without pushing, whether this token may push; gives what stands in the way of `tag` on `commit`.

    GitHub checks the write permission here, but rules for tags only at the push itself. Raises UnavailableError when
    the connection fails.
    """
    ref = f"refs/tags/{check_ref_name(tag, 'tag')}"
    try:
        _push(path, url, token, f"{check_commit(commit)}:{ref}", f"Trying to push tag {tag} to {url}", "--dry-run")
    except RefusedError as err:
        # git compares the tag's object with the commit here; the very tag of this release is no obstacle.
        if "(already exists)" in str(err) and parse_refs(_ls_remote(path, url, token, f"{ref}*")).tags[tag] == commit:
            return ()
        return err.problems
    return ()


def _push(path: Path, url: str, token: Token | None, refspec: str, what: str, *flags: str) -> None:
    check_address(url, token)
    quiet = ("--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", "--no-signed")
    status, out, error = run_git(
        path, *_NO_HOOKS, "push", *quiet, *flags, "--", url, refspec, url=url, token=token, seconds=_TRANSFER_SECONDS
    )
    if status:
        raise explain_push(what, parse_push(out), error)


def _ls_remote(path: Path, url: str, token: Token | None, *patterns: str) -> str:
    return _read(path, url, token, f"Reading the refs of {url}", "ls-remote", "--symref", "--", url, *patterns)


def _read(
    path: Path,
    url: str,
    token: Token | None,
    what: str,
    *arguments: str,
    own: bool | None = None,
    seconds: float = READ_SECONDS,
) -> str:
    check_address(url, token)
    status, out, error = run_git(
        path, *_NO_HOOKS, *arguments, url=url, token=token, extra=_STALLED, own=own, seconds=seconds
    )
    if status:
        raise explain(what, error)
    return out


def _is_shallow(path: Path) -> bool:
    return git(path, "rev-parse", "--is-shallow-repository").strip() == "true"
