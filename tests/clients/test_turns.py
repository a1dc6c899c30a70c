from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from clients import turns
from clients.store import Store
from lockgate.claims import Claim

MINE = Claim("run-1", "demo 1.0", "2026-11-22T09:00:00Z", turns.here(), "/home/ada", "http://one/api")
HOLDING = """
import sys
from pathlib import Path
from clients import turns
with turns.hold(Path(sys.argv[1])) as free:
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


def test_a_turn_is_taken_and_given_back(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert turns.read_claim(store, "ada/demo") is None
    assert turns.write_claim(store, "ada/demo", MINE)
    assert turns.read_claim(store, "ada/demo") == MINE
    assert turns.claims(store) == (("ada/demo", MINE),)
    turns.give_back(store, "ada/demo", "run-1")
    assert turns.read_claim(store, "ada/demo") is None
    assert turns.claims(store) == ()


def test_only_its_holder_gives_a_turn_back(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    turns.write_claim(store, "ada/demo", MINE)
    turns.give_back(store, "ada/demo", "run-2")
    assert turns.read_claim(store, "ada/demo") == MINE


def test_one_process_at_a_time_holds_a_workspace(tmp_path: Path) -> None:
    workspace = tmp_path / "home" / "ada--demo"
    assert not turns.is_held(workspace)
    other = holder(workspace)
    with turns.hold(workspace) as free:
        assert not free
    assert turns.is_held(workspace)
    other.communicate("")
    assert not turns.is_held(workspace)
    with turns.hold(workspace) as free:
        assert free


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    other = holder(tmp_path / "demo")
    other.kill()
    other.wait()
    with turns.hold(tmp_path / "demo") as free:
        assert free


def test_a_child_does_not_keep_the_lock_of_its_parent(tmp_path: Path) -> None:
    """What a release starts must not hold the workspace when the release is killed."""
    with turns.hold(tmp_path / "demo"):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with turns.hold(tmp_path / "demo") as free:
        assert free
    child.communicate(b"\n")


def test_a_process_is_known_by_its_environment() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, "RUN": "7"})
    assert turns.is_alive(child.pid, "RUN=7")
    assert not turns.is_alive(child.pid, "RUN=8")
    child.communicate(b"\n")
    assert not turns.is_alive(child.pid, "RUN=7")
