"""Patterns of names that somebody else wrote, matched in time that grows with the name alone.

A regular expression made from them backtracks: some dozen `**/` in a glob take hours. These pieces are followed all at once
(Thompson's construction), and what was learned about a character is kept for the next name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

LONGEST = 1000
"""Pieces; a pattern of more matches nothing."""
_MOST_KEPT = 20_000

Accepts = Callable[[str], bool]
States = frozenset[int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a pattern: how often it takes a character that it accepts; "folders" takes whole leading folders, or nothing."""

    accepts: Accepts
    times: Literal["once", "maybe", "any", "some", "folders"] = "once"


def anything(_: str) -> bool:
    """Accept every character."""
    return True


def in_one_part(character: str) -> bool:
    """Accept every character but the slash."""
    return character != "/"


def literal(wanted: str) -> Piece:
    """A piece that takes this very character once."""
    return Piece(lambda character: character == wanted)


class Pattern:
    """A pattern of pieces. States are even numbers before a piece, and the odd one after it for being within the piece."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = tuple(pieces)
        self._end = 2 * len(self._pieces)
        self._known: dict[tuple[States, str], States] = {}
        self._start = self._closed({0})

    def matches(self, name: str) -> bool:
        """Whether the whole name matches."""
        if len(self._pieces) > LONGEST:
            return False
        states = self._start
        for character in name:
            following = self._known.get((states, character))
            if following is None:
                if len(self._known) > _MOST_KEPT:
                    self._known.clear()
                following = self._known[states, character] = self._closed(self._after(states, character))
            states = following
        return self._end in states

    def _after(self, states: States, character: str) -> set[int]:
        found = set()
        for state in states - {self._end}:
            piece = self._pieces[state // 2]
            if not piece.accepts(character):
                continue
            here = state - state % 2
            if piece.times == "folders":
                found |= {here + 1, here + 2} if character == "/" else {here + 1}
            else:
                found.add({"any": here, "some": here + 1}.get(piece.times, here + 2))
        return found

    def _closed(self, states: set[int]) -> States:
        """The states, and those that are reached from them without a character."""
        waiting, found = list(states), set(states)
        while waiting:
            state = waiting.pop()
            if state == self._end:
                continue
            times = self._pieces[state // 2].times
            may_skip = times == "some" if state % 2 else times in {"maybe", "any", "folders"}
            beyond = state - state % 2 + 2
            if may_skip and beyond not in found:
                found.add(beyond)
                waiting.append(beyond)
        return frozenset(found)
