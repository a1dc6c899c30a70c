"""The rules that one commit of a project states, and what is laxer in those of another one.

Who can change the release branch can change who may approve, what is asked, and how it is tested. So a release keeps to the
rules of its own commit, where the newest commit is stricter to those too, and what the commit loosened since the previous release
is told to the people whom the previous release's rules ask, and approved by them (as a new root is in The Update Framework).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lockgate.isolation import STRICTNESS
from lockgate.settings import Settings, table_of

Compare = Callable[[Any, Any], str]
WHEN = ("never", "when-needed", "always")
REBUILT = ("report", "auto", "refuse")
ATTESTATIONS = ("report", "require")


@dataclass(frozen=True, slots=True)
class StatedRules:
    """What a commit states: its settings without anything detected, its allowed signers, and the digest of both.

    `where` names the commit to a person.
    """

    where: str
    settings: Settings
    signers: str
    digest: str


def digest_of(pyproject: Mapping[str, Any], signers: str) -> str:
    """The sha256 of what a commit states under [tool.lockgate] and of its allowed signers; the order does not matter."""
    text = json.dumps([table_of(pyproject), signers], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def loosened(before: StatedRules, now: StatedRules) -> tuple[str, ...]:
    """What is laxer now than before, a sentence for each rule; empty when nothing is.

    A rule that was replaced counts as laxer: nobody can tell from it whether it still holds the same back.
    """
    found = []
    for name, compare in LAXER.items():
        said = compare(getattr(before.settings, name), getattr(now.settings, name))
        found += [f"{name.replace('_', '-')}: {said}"] if said else []
    if before.settings.signed_approvals and (added := _lines(now.signers) - _lines(before.signers)):
        found.append(f"allowed-signers: {len(added)} added or changed ({', '.join(sorted(_names(added)))})")
    return tuple(found)


def stricter(one: Settings, other: Settings) -> Settings:
    """The first settings, with what is stricter in the other ones: which checkpoints ask, and what the index has to show.

    Where the first have nothing that tests, or checks migrations, those of the others do.
    """
    tested = one if one.test_command or one.test_checks else other
    asks = {name: max(when, other.checkpoints[name], key=WHEN.index) for name, when in one.checkpoints.items()}
    return replace(
        one, checkpoints=asks, test_command=tested.test_command, test_checks=tested.test_checks,
        migrations_check=one.migrations_check or other.migrations_check, sign_tags=one.sign_tags or other.sign_tags,
        rebuilt=max(one.rebuilt, other.rebuilt, key=REBUILT.index),
        attestations=max(one.attestations, other.attestations, key=ATTESTATIONS.index),
        isolation=max(one.isolation, other.isolation, key=STRICTNESS.index), network=one.network and other.network,
    )  # fmt: skip


def _named(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    """Approvers: nobody named is everybody."""
    if not before:
        return ""
    if not now:
        return f"anybody may approve, and before only {', '.join(before)}"
    return _added({one.casefold(): one for one in before}, {one.casefold(): one for one in now})


def _added(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    more = [now[one] for one in now if one not in before]
    return f"{', '.join(more)} added" if more else ""


def _widened(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    return _added(dict.fromkeys(before, ""), {one: one for one in now})


def _taken_away(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    fewer = [one for one in before if one not in now]
    return f"{', '.join(fewer)} taken away" if fewer else ""


def _replaced(before: Any, now: Any) -> str:
    if not before or before == now:
        return ""
    return f"{_words(now) or 'nothing'} in place of {_words(before)}"


def _switched_off(before: bool, now: bool) -> str:
    return "false in place of true" if before and not now else ""


def _switched_on(before: bool, now: bool) -> str:
    return "true in place of false" if now and not before else ""


def _lowered(before: int, now: int) -> str:
    return f"{now} in place of {before}" if now < before else ""


def _asks_less(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    less = [name for name, when in before.items() if WHEN.index(now[name]) < WHEN.index(when)]
    return ", ".join(f"{name} asks {now[name]} in place of {before[name]}" for name in less)


def _of_rank(ranks: Sequence[str]) -> Compare:
    def compare(before: str, now: str) -> str:
        return f"{now} in place of {before}" if ranks.index(now) < ranks.index(before) else ""

    return compare


LAXER: Mapping[str, Compare] = {
    "approvers": _named,
    "self_approval": _switched_on,
    "signed_approvals": _switched_off,
    "approvals_before_publish": _lowered,
    "checkpoints": _asks_less,
    "test_command": _replaced,
    "test_checks": _taken_away,
    "isolation": _of_rank(STRICTNESS),
    "network": _switched_on,
    "test_environment": _widened,
    "build_environment": _widened,
    "migrations": _taken_away,
    "migrations_check": _replaced,
    "release_files": _widened,
    "rebuilt": _of_rank(REBUILT),
    "attestations": _of_rank(ATTESTATIONS),
    "sign_tags": _switched_off,
    "index": _replaced,
    "freeze": _taken_away,
}
"""What says of each rule whether it was loosened; settings that are missing here hold nobody back."""


def _words(value: Any) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _lines(signers: str) -> set[str]:
    """The lines of an allowed signers file that allow somebody (ssh-keygen(1), ALLOWED SIGNERS)."""
    lines = (" ".join(line.split()) for line in signers.split("\n"))
    return {line for line in lines if line and not line.startswith("#")}


def _names(lines: set[str]) -> set[str]:
    return {line.split(" ", 1)[0] for line in lines}
