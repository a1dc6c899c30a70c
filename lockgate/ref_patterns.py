"""Patterns of refs as rulesets and deployment policies use them.

Ruby's File.fnmatch with FNM_PATHNAME: "*" stops at "/", "**/" does not. docs.github.com/en/repositories, "Creating
rulesets for a repository", "Using fnmatch syntax". The filters of workflows have a syntax of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PIECES = re.compile(r"\*\*/|\*+|\?|\[!?\^?[^\]]+\]|\\.|.", re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Whether the whole name matches the pattern; an unfinished "[" stands for itself."""
    return re.fullmatch("".join(map(_expression, _PIECES.findall(pattern))), name, re.DOTALL) is not None


def covers(include: Iterable[str], exclude: Iterable[str], ref: str, default_branch: str) -> bool:
    """Whether a ruleset's conditions cover a full ref such as refs/tags/v1 ("~ALL", "~DEFAULT_BRANCH" are special)."""

    def one(pattern: str) -> bool:
        if pattern == "~ALL":
            return True
        if pattern == "~DEFAULT_BRANCH":
            return ref == f"refs/heads/{default_branch}"
        return matches(pattern, ref)

    return any(map(one, include)) and not any(map(one, exclude))


def _expression(piece: str) -> str:
    match piece:
        case "**/":
            return "(?:.*/)?"
        case "?":
            return "[^/]"
        case _ if piece.startswith("*"):
            return "[^/]*"
        case _ if piece.startswith("[") and len(piece) > 1:
            inverted = piece[1] in "!^"
            characters = piece[2 if inverted else 1 : -1].replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
            return f"(?!/)[{'^' if inverted else ''}{characters}]"
        case _:
            return re.escape(piece.removeprefix("\\") if len(piece) > 1 else piece)
