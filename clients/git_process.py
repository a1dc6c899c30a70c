"""One call of git, through GitPython: the foundation of the modules that reach git.

Every call has a time limit, no terminal to ask on, no secret in its environment but the header for its one address, and
ends with this process. POSIX only, as GitPython's time limits are.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from git import Git, GitError

from lockgate.errors import LockgateError
from lockgate.git_command import git_environment, removed_variables
from lockgate.git_errors import explain
from lockgate.secrets import Token

LOOK_SECONDS: Final = 60.0
HOOKS_SECONDS: Final = 900.0


def git(path: Path, *arguments: str, extra: Mapping[str, str] | None = None, seconds: float = LOOK_SECONDS) -> str:
    """Run git in `path` and give its output; refuses, with git's words explained, when it fails."""
    status, out, error = run_git(path, *arguments, extra=extra, seconds=seconds)
    if status:
        raise explain(f"`git {arguments[0]}` in {path}", error or out, remote=False)
    return out


def run_git(
    path: Path,
    *arguments: str,
    url: str = "",
    token: Token | None = None,
    extra: Mapping[str, str] | None = None,
    seconds: float = LOOK_SECONDS,
) -> tuple[int, str, str]:
    """Run git in `path`: exit status, output, errors. A token is sent to `url` only; after `seconds` git is killed."""
    status, out, error = run_git_bytes(path, *arguments, url=url, token=token, extra=extra, seconds=seconds)
    return status, out.decode(errors="backslashreplace"), error


def run_git_bytes(
    path: Path,
    *arguments: str,
    url: str = "",
    token: Token | None = None,
    extra: Mapping[str, str] | None = None,
    seconds: float = LOOK_SECONDS,
) -> tuple[int, bytes, str]:
    """Run git as run_git does, with the output as bytes; refuses when git cannot be started."""
    try:
        status, out, error = Git(str(path)).execute(
            [*_launcher(), *_without_variables(), "git", *arguments],
            env={**git_environment(os.environ, url, token), **(extra or {})},
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            kill_after_timeout=seconds,
        )
    except GitError as err:
        raise translate(err) from err
    return status, out, error


def translate(error: GitError) -> LockgateError:
    """Give the error to raise for one of GitPython's; the text of each is judged as git's own words are."""
    return explain("Calling git", f"{type(error).__name__}: {error}", remote=False)


def _without_variables() -> tuple[str, ...]:
    # GitPython can only add variables to what git inherits. Not `--unset=`: only -u is known everywhere.
    names = removed_variables(os.environ)
    return ("env", *(word for name in names for word in ("-u", name))) if names else ()


@cache
def _launcher() -> tuple[str, ...]:
    # Git must not outlive this process; TERM, because git then takes its lock files away.
    launcher = ("setpriv", "--pdeathsig", "TERM", "--")
    try:
        # Tried once: there are systems without setpriv, and some whose setpriv lacks the option.
        subprocess.run([*launcher, "true"], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ()
    return launcher
