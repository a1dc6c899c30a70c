"""Patterns of refs as rulesets and deployment policies use them.

Ruby's File.fnmatch with FNM_PATHNAME: "*" stops at "/", "**/" does not. docs.github.com/en/repositories, "Creating
rulesets for a repository", "Using fnmatch syntax". The filters of workflows have a syntax of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lockgate.patterns import Pattern, Piece, anything, in_one_part, literal

_PIECES = re.compile(r"\*\*/|\*+|\?|\[!?\^?[^\]]+\]|\\.|.", re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Whether the whole name matches the pattern; an unfinished "[" stands for itself."""
    return Pattern(map(_piece, _PIECES.findall(pattern))).matches(name)


def covers(include: Iterable[str], exclude: Iterable[str], ref: str, default_branch: str) -> bool:
    """Whether a ruleset's conditions cover a full ref such as refs/tags/v1 ("~ALL", "~DEFAULT_BRANCH" are special)."""

    def one(pattern: str) -> bool:
        if pattern == "~ALL":
            return True
        if pattern == "~DEFAULT_BRANCH":
            return ref == f"refs/heads/{default_branch}"
        return matches(pattern, ref)

    return any(map(one, include)) and not any(map(one, exclude))


def _piece(text: str) -> Piece:
    match text:
        case "**/":
            return Piece(anything, "folders")
        case "?":
            return Piece(in_one_part)
        case _ if text.startswith("*"):
            return Piece(in_one_part, "any")
        case _ if text.startswith("[") and len(text) > 1:
            inverted = text[1] in "!^"
            one = re.compile(f"[{'^' if inverted else ''}{_escaped(text[2 if inverted else 1 : -1])}]")
            return Piece(lambda character: character != "/" and one.fullmatch(character) is not None)
        case _:
            return literal(text.removeprefix("\\") if len(text) > 1 else text)


def _escaped(characters: str) -> str:
    return characters.replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
