"""The policy of an installation: what may be released here, and the least that is asked, whatever a repository says.

It stands outside of every repository: in a file, or in a variable of Prefect's server. What a repository says can only be
stricter. A policy that cannot be understood releases nothing.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from lockgate import setting_values as kind
from lockgate.errors import Problem, RefusedError, SettingsError
from lockgate.request import Request
from lockgate.settings import KEYS, READERS, Settings

ORIGIN = "policy"
LIMIT_CHARACTERS = 64 * 1024
HERE = "localhost"
"""How a policy calls this machine itself: an address on it, or a folder."""

ASKS = ("never", "when-needed", "always")
REBUILT = ("report", "auto", "refuse")
ATTESTATIONS = ("report", "require")
_GLOB = re.compile(r"[\w.*?\[\]!-]+/[\w.*?\[\]!-]+")
_LOOPBACK = {"", "127.0.0.1", "::1", HERE}


def _people(own: tuple[str, ...], least: tuple[str, ...]) -> tuple[str, ...]:
    """Of the policy's people those whom the project names too; nobody named is everybody."""
    named = {one.casefold() for one in own}
    return tuple(one for one in least if not named or one.casefold() in named) if least else own


def _asking(own: dict[str, str], least: dict[str, str]) -> dict[str, str]:
    return {name: max(when, least.get(name, when), key=ASKS.index) for name, when in own.items()}


def _later(*order: str) -> Callable[[str, str], str]:
    return lambda own, least: max(own, least, key=order.index)


COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "approvers": _people,
    "self_approval": lambda own, least: own and least,
    "signed_approvals": lambda own, least: own or least,
    "approvals_before_publish": max,
    "checkpoints": _asking,
    "isolation": _later("none", "auto", "required"),
    "rebuilt": _later(*REBUILT),
    "attestations": _later(*ATTESTATIONS),
    "sign_tags": lambda own, least: own or least,
}
"""For each setting that a policy may demand, the stricter of the project's value and the policy's."""

SIGNERS = "signers"
"""Whose signatures count, as lines of an allowed signers file (ssh-keygen(1)): then a repository cannot say whose key is whose."""

APPROVAL = {"approvers", "self_approval", "signed_approvals", "approvals_before_publish"}
PEOPLE = {*APPROVAL, SIGNERS, "checkpoints"}
"""What a request that answers every checkpoint with yes would go below."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The least that holds for repositories whose OWNER/NAME fits a glob; `demands` has the names of settings."""

    repositories: tuple[str, ...]
    demands: dict[str, Any]

    def fits(self, slug: str) -> bool:
        """Whether it holds for a repository; GitHub takes no account of case."""
        return _fits(slug, self.repositories)


@dataclass(frozen=True, slots=True)
class Policy:
    """All of a policy; empty, it demands nothing. `source` says where it stands."""

    source: str = ""
    repositories: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    def demands_on(self, slug: str) -> tuple[dict[str, Any], ...]:
        """What each rule that fits a repository demands."""
        return tuple(rule.demands for rule in self.rules if rule.fits(slug))


def read_policy(text: str, source: str) -> Policy:
    """The policy in a text of TOML or JSON; raises one SettingsError with every problem of it."""
    if len(text) > LIMIT_CHARACTERS:
        raise SettingsError(_broken(source, f"it is longer than {LIMIT_CHARACTERS} characters", "a short text"))
    try:
        table = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(_broken(source, f"it cannot be read: {error}", "TOML, or a JSON object")) from error
    problems: list[Problem] = []
    rules = table.pop("rules", [])
    if not isinstance(rules, list) or not all(isinstance(one, dict) for one in rules):
        problems.append(_broken(source, f"rules is {rules!r}", "tables, each under [[rules]]"))
        rules = []
    place = _values(source, table, {"repositories": _globs, "hosts": kind.texts}, problems)
    known = {"repositories": _globs, SIGNERS: kind.texts} | {
        key: READERS[name] for key, name in KEYS.items() if name in COMBINE
    }
    read = [_values(source, one, known, problems) for one in rules]
    problems += [_unsigned(source) for one in read if SIGNERS in one and not one.get("signed-approvals")]
    if problems:
        raise SettingsError(*problems)
    made = (
        Rule(one.pop("repositories", ("*/*",)), {KEYS.get(key, key): value for key, value in one.items()})
        for one in read
    )
    return Policy(
        source, place.get("repositories", ()), tuple(one.lower() for one in place.get("hosts", ())), tuple(made)
    )


def check_place(policies: Iterable[Policy], slug: str, origin_url: str) -> None:
    """Raise RefusedError for a repository, or a host of origin, that may not be released here."""
    problems = []
    for policy in policies:
        if policy.repositories and not _fits(slug, policy.repositories):
            problems.append(_not_here(policy, f"the repository {slug}", policy.repositories))
        if policy.hosts and host_of(origin_url) not in policy.hosts:
            problems.append(_not_here(policy, f"a repository on {host_of(origin_url)}", policy.hosts))
    if problems:
        raise RefusedError(*problems)


def check_yes(policies: Iterable[Policy], slug: str, request: Request) -> None:
    """Raise RefusedError for a request that answers every checkpoint where a policy wants people to."""
    for policy in policies if request.approve_all else ():
        wanted = sorted({name.replace("_", "-") for one in policy.demands_on(slug) for name in one if name in PEOPLE})
        if wanted:
            raise RefusedError(
                Problem(
                    "every checkpoint shall be answered with yes in the name of who asks",
                    f"answers by people, as the policy wants them for {slug} ({', '.join(wanted)}; {policy.source})",
                    "release without --yes (approve_all)",
                )
            )


def hold_to(settings: Settings, policies: Iterable[Policy], slug: str) -> Settings:
    """The settings with all that a policy is stricter in, and "policy" as the origin of what it changed.

    Raises SettingsError where nobody is left who may approve, and where signatures are demanded but the project names no signers.
    """
    held = settings
    for policy in policies:
        for demands in policy.demands_on(slug):
            for name, least in demands.items():
                if name == SIGNERS:
                    continue
                held = _set(held, name, COMBINE[name](getattr(held, name), least))
            if demands.get("approvers") and not held.approvers:
                people = ", ".join(demands["approvers"])
                seen = f"of the people that the policy lets approve {slug} ({people}) the project names nobody"
                raise SettingsError(Problem(seen, "at least one in both", f"correct approvers, or {policy.source}"))
    if held.approvals_before_publish > 1:
        held = _set(held, "checkpoints", {**held.checkpoints, "publish": "always"})
    if held.signed_approvals and not held.allowed_signers:
        seen = f"the policy wants signed approvals for {slug}, and the project does not say whose signatures count"
        raise SettingsError(Problem(seen, "a file in the repository", "set allowed-signers in its settings"))
    return held


def _set(settings: Settings, name: str, value: Any) -> Settings:
    if getattr(settings, name) == value:
        return settings
    return replace(settings, **{name: value}, origins={**settings.origins, name: ORIGIN})


def describe_policy(policy: Policy) -> list[tuple[str, str]]:
    """What is in force, as rows of a table."""
    rows = [
        ("repositories", ", ".join(policy.repositories) or "any"),
        ("hosts of origin", ", ".join(policy.hosts) or "any"),
    ]
    for rule in policy.rules:
        said = "; ".join(f"{name.replace('_', '-')} = {_word(value)}" for name, value in rule.demands.items())
        rows.append((f"at least, for {', '.join(rule.repositories)}", said or "nothing"))
    return rows


def host_of(url: str) -> str:
    """The host of a git URL, `localhost` for this machine and its folders."""
    if "://" in url:
        host = (urlsplit(url).hostname or "").lower()
    else:
        before, colon, _ = url.partition(":")
        host = before.rpartition("@")[2].lower() if colon and "/" not in before else ""
    return HERE if host in _LOOPBACK else host


def _values(
    source: str, table: Mapping[str, Any], known: Mapping[str, kind.Reader], problems: list[Problem]
) -> dict[str, Any]:
    values = {}
    for key, value in table.items():
        if key not in known:
            problems.append(_broken(source, f"it has {key!r}", f"one of {', '.join(known)}"))
            continue
        try:
            values[key] = known[key](value)
        except kind.UnfitError as error:
            problems.append(_broken(source, f"{key} is {value!r}", str(error)))
    return values


def _globs(value: Any) -> tuple[str, ...]:
    """A list of OWNER/NAME globs."""
    found = kind.texts(value)
    if not found or not all(_GLOB.fullmatch(one) for one in found):
        raise kind.UnfitError("a list of OWNER/NAME, in which * stands for any part of either")
    return tuple(one.lower() for one in found)


def _fits(slug: str, globs: tuple[str, ...]) -> bool:
    owner, _, name = slug.lower().partition("/")
    pairs = (one.split("/") for one in globs)
    return any(fnmatchcase(owner, first) and fnmatchcase(name, second) for first, second in pairs)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {when}" for key, when in value.items())
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _not_here(policy: Policy, what: str, allowed: tuple[str, ...]) -> Problem:
    wanted = f"what the policy of this installation lets be released: {', '.join(allowed)}"
    return Problem(f"{what} may not be released here", wanted, f"release it elsewhere, or change {policy.source}")


def _unsigned(source: str) -> Problem:
    return _broken(source, "it names signers, and not that approvals are signed", "signed-approvals = true beside them")


def _broken(source: str, seen: str, expected: str) -> Problem:
    then = "correct it, see `lockgate policy`: until then nothing is released"
    return Problem(f"the policy in {source} is not to be understood: {seen}", expected, then)
