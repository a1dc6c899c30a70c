"""A maintainer's desk: a checkout of the sandbox's sample, the real command, and what must not change behind its back."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.world import Sandbox

COMMAND = [sys.executable, "-m", "cli.main"]
ROOT = Path(__file__).parent.parent
TIMEOUT_SECONDS = 240
INTERRUPT = "\x03"
PATIENCE = 40
"""How many times half a second without a word."""
STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """Standard output as JSON."""
        return json.loads(self.out)


@dataclass
class Desk:
    """A maintainer's desk: the sandbox, a checkout of its origin, and the environment that the command runs in."""

    world: Sandbox
    checkout: Path
    environ: dict[str, str]

    def git(self, *words: str, at: Path | None = None) -> str:
        """Git as the maintainer, in the checkout, with the right to push."""
        helper = f'!f() {{ echo username=x-access-token; echo "password={self.world.token}"; }}; f'
        return git(at or self.checkout, self.environ, "-c", f"credential.helper={helper}", *words)

    def write(self, name: str, text: str) -> None:
        """Write a file of the checkout."""
        path = self.checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def push(self, message: str = "Change") -> None:
        """Commit everything and push it to origin's main."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        self.git("push", "--quiet", "origin", "HEAD:refs/heads/main")

    def run(self, *words: str, at: Path | None = None, seconds: float = TIMEOUT_SECONDS) -> Ended:
        """The real command as a child process whose standard input and output are no terminal."""
        done = subprocess.run(
            [*COMMAND, *words], cwd=at or self.checkout, env=self.environ, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=seconds,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def talk(self, *words: str, answers: Sequence[tuple[str, str]]) -> Ended:
        """The real command on a terminal: each answer is typed once its prompt has appeared; "\\x03" is Ctrl-C."""
        return talk([*COMMAND, *words], self.checkout, self.environ, answers)

    def seen(self) -> dict[str, Any]:
        """All that could be lost or half changed: the checkout's files and refs, origin's refs, releases, the index."""
        return {
            "files": digests(self.checkout),
            "checkout": refs(self.checkout),
            "origin": refs(self.world.folder / "origin.git"),
            "releases": self.world.releases,
            "runs": self.world.runs,
            "index": digests(self.world.folder / "index"),
        }


def git(folder: Path, environ: dict[str, str], *words: str) -> str:
    """Run git in a folder and give what it says; an error fails the test."""
    done = subprocess.run(["git", *words], cwd=folder, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refs(repository: Path) -> dict[str, str]:
    """Every ref of a repository, the stash included, what HEAD is and what it names; nothing for a folder that is none."""
    if not repository.is_dir():
        return {}
    shown = subprocess.run(["git", "show-ref", "--head"], cwd=repository, capture_output=True, text=True, timeout=60)
    head = subprocess.run(["git", "symbolic-ref", "HEAD"], cwd=repository, capture_output=True, text=True, timeout=60)
    found = (line.split(" ", 1) for line in shown.stdout.splitlines())
    return {**{name: commit for commit, name in found}, "HEAD names": head.stdout.strip()}


def digests(folder: Path) -> dict[str, str]:
    """The digest of every file in a folder, git's own apart."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def talk(command: list[str], folder: Path, environ: dict[str, str], answers: Sequence[tuple[str, str]]) -> Ended:
    """Run a command on a terminal of its own, 100 columns wide, and answer its prompts."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
    own = {name: value for name, value in environ.items() if name not in {"COLUMNS", "LINES"}}
    child = subprocess.Popen(
        command, cwd=folder, env=own | {"TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    text, heard, left, quiet = "", 0, list(answers), 0
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.5)[0]:
                quiet = 0
                try:
                    text += os.read(ours, 65536).decode(errors="replace")
                except OSError:  # Linux says EIO once the last process has closed the terminal
                    break
            elif not left and answers[-1][1] == INTERRUPT and (quiet := quiet + 1) % PATIENCE == 0:
                # Python misses a signal that comes just before it begins to read; a person types it again.
                os.write(ours, INTERRUPT.encode())
            text = STYLE.sub("", text)
            if left and left[0][0] in text[heard:]:
                heard = len(text)
                os.write(ours, left.pop(0)[1].encode())
        assert not left, f"never asked {left[0][0]!r}:\n{text}"
        return Ended(child.wait(10), text, "")
    finally:
        child.kill()
        child.wait()
        os.close(ours)
