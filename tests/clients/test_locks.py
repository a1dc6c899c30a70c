from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from clients import locks

HOLDING = """
import sys
from pathlib import Path
from clients import locks
with locks.hold(Path(sys.argv[1])) as free:
    print(free, flush=True)
    sys.stdin.read()
"""


def holder(workspace: Path) -> subprocess.Popen[str]:
    """Another process that holds the workspace until it ends."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(workspace)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "True\n"
    return child


def test_one_process_at_a_time_holds_a_workspace(tmp_path: Path) -> None:
    workspace = tmp_path / "home" / "ada--demo"
    assert not locks.is_held(workspace)
    other = holder(workspace)
    with locks.hold(workspace) as free:
        assert not free
    assert locks.is_held(workspace)
    other.communicate("")
    assert not locks.is_held(workspace)
    with locks.hold(workspace) as free:
        assert free


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    other = holder(tmp_path / "demo")
    other.kill()
    other.wait()
    with locks.hold(tmp_path / "demo") as free:
        assert free


def test_a_child_does_not_keep_the_lock_of_its_parent(tmp_path: Path) -> None:
    """What a release starts must not hold the workspace when the release is killed."""
    with locks.hold(tmp_path / "demo"):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with locks.hold(tmp_path / "demo") as free:
        assert free
    child.communicate(b"\n")


def test_a_process_is_known_by_its_environment() -> None:
    command = [sys.executable, "-c", "print(flush=True); input()"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "RUN": "7"})
    assert child.stdout is not None
    child.stdout.readline()  # a process that has only just begun has no environment to read yet
    assert locks.is_alive(child.pid, "RUN=7")
    assert not locks.is_alive(child.pid, "RUN=8")
    child.communicate(b"\n")
    assert not locks.is_alive(child.pid, "RUN=7")
