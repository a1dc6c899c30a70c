"""Lines as programs write them: they end with a line feed, and no other character ends one.

`str.splitlines` takes eight more for line ends (U+2028, U+0085, form feeds, …), and a branch or a commit may hold those.
"""

from __future__ import annotations


def lines_of(text: str) -> list[str]:
    """The lines of a text, without their ends (a carriage return before a line feed counts as part of it)."""
    found = text.split("\n")
    if not found[-1]:
        found.pop()
    return [line.removesuffix("\r") for line in found]
