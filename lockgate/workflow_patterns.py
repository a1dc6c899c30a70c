"""The filter patterns of a workflow's triggers, read as GitHub reads them.

Source: "Filter pattern cheat sheet" in GitHub's workflow syntax reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lockgate.patterns import Pattern, Piece, anything, in_one_part, literal

_PIECE = re.compile(
    r"""(?P<escaped>\\.)          # a backslash takes the next character literally
      | (?P<folders>\*\*/)        # any number of leading parts, none included
      | (?P<anything>\*\*+)       # any characters
      | (?P<part>\*)              # any characters of one part
      | (?P<class>\[[A-Za-z0-9-]+\])
      | (?P<many>\+) | (?P<maybe>\?)
      | (?P<literal>.)""",
    re.VERBOSE | re.DOTALL,
)
_FIXED = {
    "folders": Piece(anything, "folders"),
    "anything": Piece(anything, "any"),
    "part": Piece(in_one_part, "any"),
}


def tag_matches(patterns: Sequence[str], ref_name: str) -> bool:
    """Whether a list of `tags:` patterns takes this tag name.

    The last pattern that matches decides; a pattern that starts with `!` excludes, and a list of exclusions alone
    takes nothing. The whole name must match, letter case counts. Refuses nothing: a pattern that cannot be read
    matches only itself.
    """
    taken = False
    for pattern in patterns:
        excluding = pattern.startswith("!")
        if _matches(pattern[1:] if excluding else pattern, ref_name):
            taken = not excluding
    return taken


def push_takes_tag(filters: Mapping[str, Any], tag: str) -> bool:
    """Whether `on: push` with these filters starts a run for a pushed tag.

    Without any filter for branches or tags every push does; with filters for branches only, no tag does. Filters by
    path are not evaluated for tags ("Events that trigger workflows", push).
    """
    if "tags" in filters:
        return tag_matches(as_list(filters["tags"]), tag)
    if "tags-ignore" in filters:
        return not any(_matches(pattern, tag) for pattern in as_list(filters["tags-ignore"]))
    return not {"branches", "branches-ignore"} & set(filters)


def as_list(value: Any) -> tuple[str, ...]:
    """A YAML value that may be one text or a list of texts, as texts; nothing and mappings give nothing."""
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str))
    return ()


def _matches(pattern: str, name: str) -> bool:
    try:
        return Pattern(_pieces(pattern)).matches(name)
    except re.error:
        return pattern == name


def _pieces(pattern: str) -> list[Piece]:
    pieces: list[Piece] = []
    repeatable = False
    for match in _PIECE.finditer(pattern):
        kind, text = match.lastgroup or "literal", match.group()
        if kind in {"many", "maybe"} and repeatable:
            pieces[-1] = replace(pieces[-1], times="some" if kind == "many" else "maybe")
        else:
            pieces.append(_piece(kind, text))
        repeatable = kind in {"escaped", "class", "literal"}
    return pieces


def _piece(kind: str, text: str) -> Piece:
    if kind in _FIXED:
        return _FIXED[kind]
    if kind == "class":
        one = re.compile(text)
        return Piece(lambda character: one.fullmatch(character) is not None)
    return literal(text[-1])
