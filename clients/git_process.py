"""One call of git, through GitPython: the foundation of the modules that reach git.

Every call has a limit of time and of output, no terminal to ask on, no secret in its environment but the header for its one
address, and ends with this process. What reaches the network or runs hooks starts programs of its own (git-remote-https holds
the token), so those calls have a keeper, which ends all of them however this process ends; what only looks at files has the
cheaper signal at its parent's death. In a person's checkout the person's settings and hooks count. In a repository of
Lockgate's own, which carries a mark, and where there is no repository, only what `lockgate.git_command` gives and carries
over from the person: identity, signing key, ssh, proxy. POSIX only.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final, cast

from git import Git, GitError

from clients.process import KEEPER
from lockgate.errors import LockgateError
from lockgate.git_command import carried_settings, git_environment, removed_variables
from lockgate.git_errors import explain
from lockgate.secrets import Token

NOWHERE: Final = Path("/")
OWN: Final = "lockgate"
_SAY_WHERE: Final = ("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
LOOK_SECONDS: Final = 60.0
READ_SECONDS: Final = 120.0
HOOKS_SECONDS: Final = 900.0
OUTPUT_LIMIT_BYTES: Final = 128 * 1024**2
"""The log of a hundred thousand commits, or the refs of a million branches."""
READ_MEMORY_BYTES: Final = 512 * 1024**2
TRANSFER_MEMORY_BYTES: Final = 4 * 1024**3
"""What git and each program that it starts may allocate: git-remote-https keeps a whole list of refs, a pack's index more."""
_GRACE_SECONDS: Final = 2
_ENDING_SECONDS: Final = 10.0
_LOOK_AGAIN_SECONDS: Final = 0.1


class _OverrunError(Exception):
    """Git took longer, or wrote more, than it may."""


def git(
    path: Path,
    *arguments: str,
    extra: Mapping[str, str] | None = None,
    own: bool | None = None,
    seconds: float = LOOK_SECONDS,
) -> str:
    """Run git in `path` and give its output; refuses, with git's words explained, when it fails."""
    status, out, error = run_git(path, *arguments, extra=extra, own=own, seconds=seconds)
    if status:
        raise explain(f"`git {arguments[0]}` in {path}", error or out, remote=False)
    return out


def run_git(
    path: Path,
    *arguments: str,
    url: str = "",
    token: Token | None = None,
    extra: Mapping[str, str] | None = None,
    own: bool | None = None,
    seconds: float = LOOK_SECONDS,
) -> tuple[int, str, str]:
    """Run git in `path`: exit status, output, errors. A token is sent to `url` only; after `seconds` git is killed."""
    status, out, error = run_git_bytes(path, *arguments, url=url, token=token, extra=extra, own=own, seconds=seconds)
    return status, out.decode(errors="backslashreplace"), error


def run_git_bytes(
    path: Path,
    *arguments: str,
    url: str = "",
    token: Token | None = None,
    extra: Mapping[str, str] | None = None,
    own: bool | None = None,
    given: bytes = b"",
    seconds: float = LOOK_SECONDS,
) -> tuple[int, bytes, str]:
    """Run git as run_git does, with the output as bytes; refuses when git cannot be started.

    `own` says that the repository is Lockgate's, where no mark does. `given` is what git reads, in a call without a keeper
    (no address, at most LOOK_SECONDS): a keeper's command reads nothing.
    """
    person = _persons_settings() if own or (own is None and is_own(path)) else None
    is_kept = bool(url) or seconds > LOOK_SECONDS
    launcher = _keeper(seconds) if is_kept else _launcher()
    try:
        started = Git(str(path)).execute(
            [*launcher, *_without_variables(), "git", *arguments],
            env={**git_environment(os.environ, url, token, person), **(extra or {})},
            as_process=True,
            istream=subprocess.PIPE if is_kept else _opened(given),
            start_new_session=is_kept,
        )
    except GitError as err:
        raise translate(err) from err
    process = started.proc
    assert process is not None  # noqa: S101 - only an ended AutoInterrupt has none
    try:
        out, error = _read(process, seconds)
        return process.wait(_ENDING_SECONDS), out, error.decode(errors="backslashreplace")
    except _OverrunError as err:
        return -signal.SIGTERM, b"", f"{err}: git {arguments[0]}"
    finally:
        _end(process)


def _read(process: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, bytes]:
    """What git writes, until it has ended; raises _OverrunError after so many seconds, and where it writes too much."""
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - GitPython opens both
    deadline = time.monotonic() + seconds
    kept = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    order = tuple(kept.values())
    with selectors.DefaultSelector() as waiting:
        for source in kept:
            waiting.register(source, selectors.EVENT_READ)
        while waiting.get_map():
            has_ended = process.poll() is not None
            left = deadline - time.monotonic()
            if left <= 0:
                raise _OverrunError(f"Timeout: the command did not complete in {seconds:g} secs")
            ready = waiting.select(0 if has_ended else min(left, _LOOK_AGAIN_SECONDS))
            if has_ended and not ready:
                break  # somebody who left the group holds the pipe
            for key, _ in ready:
                block = os.read(key.fd, 65536)
                kept[key.fd] += block
                if not block:
                    waiting.unregister(key.fd)
                if len(kept[key.fd]) > OUTPUT_LIMIT_BYTES:
                    raise _OverrunError(f"Too much: more than {OUTPUT_LIMIT_BYTES} bytes of output")
    return bytes(order[0]), bytes(order[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs: the keeper by its lifeline, git itself by TERM, because it then takes its lock files away."""
    if process.stdin is not None:
        process.stdin.close()
    elif process.poll() is None:
        process.terminate()
    try:
        process.wait(_ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _opened(given: bytes) -> BinaryIO | None:
    """A file that is nowhere, to read from; git has its own descriptor of it, and this one is closed when nobody has it."""
    if not given:
        return None
    file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - it ends with its last reader
    file.write(given)
    file.seek(0)
    return file


def is_own(path: Path) -> bool:
    """Whether `path` is a repository that Lockgate made, at this very place, or no repository at all (the root folder)."""
    if path == NOWHERE:
        return True
    try:
        return (path / ".git" / OWN).read_text(encoding="utf-8") == str(path.absolute())
    except (OSError, UnicodeDecodeError):
        return False


def mark_own(path: Path) -> None:
    """Mark a repository as one that Lockgate made: with its path, so that a copy elsewhere is not taken for it."""
    (path / ".git" / OWN).write_text(str(path.absolute()), encoding="utf-8")


def translate(error: GitError) -> LockgateError:
    """Give the error to raise for one of GitPython's; the text of each is judged as git's own words are."""
    return explain("Calling git", f"{type(error).__name__}: {error}", remote=False)


def _persons_settings() -> tuple[tuple[str, str], ...]:
    return _carried(tuple(os.environ.get(name, "") for name in _SAY_WHERE))


@cache
def _carried(_places: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    status, out, _ = run_git(NOWHERE, "config", "--list", "-z", own=False)
    return () if status else carried_settings(out)


def _without_variables() -> tuple[str, ...]:
    # GitPython can only add variables to what git inherits. Not `--unset=`: only -u is known everywhere.
    names = removed_variables(os.environ)
    return ("env", *(word for name in names for word in ("-u", name))) if names else ()


def _keeper(seconds: float) -> tuple[str, ...]:
    memory = READ_MEMORY_BYTES if seconds <= READ_SECONDS else TRANSFER_MEMORY_BYTES
    options = ("--grace", f"{_GRACE_SECONDS}", "--memory", f"{memory}")
    return (sys.executable, "-I", "-S", str(KEEPER), *options)


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
