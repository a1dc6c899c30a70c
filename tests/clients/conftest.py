"""Real repositories for the tests that reach git: an origin, and a checkout of it with one commit on main."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]


@pytest.fixture
def run() -> Run:
    """Run a command in a folder as a person would, and give its output."""

    def command(folder: Path, *words: str) -> str:
        done = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    return command


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's own git configuration, instead of that of whoever runs the tests."""
    home = tmp_path / "home"
    home.mkdir()
    config = home / ".gitconfig"
    config.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


@pytest.fixture
def origin(person: Path, tmp_path: Path, run: Run) -> Path:
    """A bare repository whose main has one commit."""
    bare = tmp_path / "origin.git"
    run(tmp_path, "git", "init", "--quiet", "--bare", str(bare))
    seed = tmp_path / "seed"
    run(tmp_path, "git", "clone", "--quiet", str(bare), str(seed))
    (seed / "VERSION").write_text("1.0.0\n")
    (seed / "package").mkdir()
    (seed / "package" / "ünï code.py").write_text("x = 1\n")
    run(seed, "git", "add", ".")
    run(seed, "git", "commit", "--quiet", "-m", "Begin\n\nWith a body.")
    run(seed, "git", "push", "--quiet", "origin", "main")
    return bare


@pytest.fixture
def checkout(origin: Path, tmp_path: Path, run: Run) -> Path:
    """A clone of origin."""
    folder = tmp_path / "checkout"
    run(tmp_path, "git", "clone", "--quiet", str(origin), str(folder))
    return folder


@pytest.fixture
def other_push(origin: Path, tmp_path: Path, run: Run) -> Callable[[str], str]:
    """Another person pushes a commit to origin's main; gives it."""

    def push(name: str = "other.txt") -> str:
        seed = tmp_path / "seed"
        (seed / name).write_text("theirs\n")
        run(seed, "git", "add", ".")
        run(seed, "git", "commit", "--quiet", "-m", f"Add {name}")
        run(seed, "git", "push", "--quiet", "origin", "main")
        return run(seed, "git", "rev-parse", "HEAD")

    return push
