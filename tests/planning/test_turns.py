from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clients.store import Store
from lockgate.claims import Claim
from planning import turns
from tests.sealing import SEALS

MINE = Claim("run-1", "demo 1.0", "2026-11-22T09:00:00Z", "harbour", "/home/ada", "http://one/api", suspends=True)


def test_a_turn_is_taken_and_given_back(tmp_path: Path) -> None:
    store = Store(str(tmp_path), SEALS)
    assert turns.read_claim(store, "ada/demo") is None
    assert turns.write_claim(store, "ada/demo", MINE)
    assert turns.read_claim(store, "ada/demo") == MINE
    assert turns.claims(store) == (("ada/demo", MINE),)
    turns.give_back(store, "ada/demo", "run-1")
    assert turns.read_claim(store, "ada/demo") is None
    assert turns.claims(store) == ()


def test_a_turn_that_somebody_took_meanwhile_is_not_taken(tmp_path: Path) -> None:
    store = Store(str(tmp_path), SEALS)
    other = replace(MINE, run="run-2")
    assert turns.write_claim(store, "ada/demo", MINE)
    assert not turns.write_claim(store, "ada/demo", other)
    assert not turns.write_claim(store, "ada/demo", other, replace(MINE, host="quay"))
    assert turns.read_claim(store, "ada/demo") == MINE
    assert turns.write_claim(store, "ada/demo", other, MINE)


def test_only_its_holder_gives_a_turn_back(tmp_path: Path) -> None:
    store = Store(str(tmp_path), SEALS)
    turns.write_claim(store, "ada/demo", MINE)
    turns.give_back(store, "ada/demo", "run-2")
    assert turns.read_claim(store, "ada/demo") == MINE
