"""A word means what it meant when it was said: counted from what was there then, and only where there is something new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lockgate.errors import Problem
from lockgate.versions import is_word

PROMOTES = "final"
"""The word that releases what a pre-release was: nothing new is what it is for, and it cannot be said twice."""


@dataclass(frozen=True, slots=True)
class Since:
    """What happened since the last release: its tag ("" without any), how many commits of others, and other releases.

    `meanwhile` are the releases whose tag was pushed since the word was said, each with the time of that.
    """

    tag: str = ""
    commits: int = 0
    meanwhile: tuple[tuple[str, str], ...] = ()


def check_word(word: str, version: str, since: Since, asked: str) -> tuple[Problem, ...]:
    """Return why the word does not mean a release of this version; empty for what is no word, and what it does mean."""
    if not is_word(word):
        return ()
    if since.meanwhile:
        listed = ", ".join(f"{name} at {time}" for name, time in since.meanwhile)
        return (
            Problem(
                f"{word!r} was asked for at {asked}, and meanwhile there was another release: {listed}",
                "a word that counts from what was there when it was said",
                f"if one more release is meant, ask for it: `lockgate release {version}`",
            ),
        )
    if since.tag and not since.commits and word != PROMOTES:
        return (
            Problem(
                f"nobody committed anything since {since.tag} (what Lockgate committed itself does not count)",
                f"something new to release as {word!r}",
                f"push it first; if one more release of the same is meant, name it: `lockgate release {version}`",
            ),
        )
    return ()


def warn_nothing_new(word: str, since: Since) -> tuple[str, ...]:
    """Return the warning about a version that is named although there is nothing new."""
    if not since.tag or since.commits or (is_word(word) and word != PROMOTES):
        return ()
    return (f"nobody committed anything since {since.tag}: this release holds the same once more",)


def was_since(time: str, asked: str) -> bool:
    """Whether a time that is noted to the second (ISO 8601, UTC) may be after the moment at which something was asked for."""
    if not time or not asked:
        return False
    return datetime.fromisoformat(time) >= datetime.fromisoformat(asked).replace(microsecond=0)
