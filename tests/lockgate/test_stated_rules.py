"""Which rules are laxer than others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lockgate.settings import READERS, stated_settings
from lockgate.stated_rules import LAXER, StatedRules, digest_of, loosened, stricter


def stated(signers: str = "", **settings: Any) -> StatedRules:
    table = {name.replace("_", "-"): value for name, value in settings.items()}
    pyproject = {"tool": {"lockgate": table}}
    return StatedRules("somewhere", stated_settings(pyproject), signers, digest_of(pyproject, signers))


SIGNED = {"signed_approvals": True, "allowed_signers": "signers"}


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({"approvers": ["ada"]}, {"approvers": ["Ada", "eve"]}, "approvers: eve added"),
        ({"approvers": ["ada"]}, {"approvers": ["eve"]}, "approvers: eve added"),
        ({"approvers": ["ada"]}, {}, "approvers: anybody may approve, and before only ada"),
        ({"self_approval": False}, {}, "self-approval: true in place of false"),
        (SIGNED, {}, "signed-approvals: false in place of true"),
        ({"approvals_before_publish": 3}, {"approvals_before_publish": 2}, "approvals-before-publish: 2 in place of 3"),
        ({}, {"checkpoints": {"publisher": "never"}}, "checkpoints: publisher asks never in place of always"),
        ({}, {"checkpoints": {"publisher": "when-needed"}}, "publisher asks when-needed in place of always"),
        ({}, {"checkpoints": {"migrations": "never"}}, "migrations asks never in place of when-needed"),
        ({"approvals_before_publish": 2}, {}, "publish asks never in place of always"),
        ({"test_command": "pytest --all"}, {}, "test-command: nothing in place of pytest --all"),
        ({"test_command": "pytest --all"}, {"test_command": "true"}, "test-command: true in place of pytest --all"),
        ({"test_checks": ["unit", "lint"]}, {"test_checks": ["lint"]}, "test-checks: unit taken away"),
        ({"migrations": ["a/*.py", "b/*.py"]}, {"migrations": ["a/*.py"]}, "migrations: b/*.py taken away"),
        ({"migrations_check": "check"}, {}, "migrations-check: nothing in place of check"),
        ({}, {"release_files": ["src/*"]}, "release-files: src/* added"),
        ({"rebuilt": "refuse"}, {}, "rebuilt: auto in place of refuse"),
        ({}, {"rebuilt": "report"}, "rebuilt: report in place of auto"),
        ({"attestations": "require"}, {}, "attestations: report in place of require"),
        ({"sign_tags": True}, {}, "sign-tags: false in place of true"),
        ({"index": "https://a.test/simple"}, {}, "index: nothing in place of https://a.test/simple"),
        ({"freeze": ["Fri"]}, {}, "freeze: Fri taken away"),
    ],
)
def test_what_was_loosened_is_named(before: dict[str, Any], now: dict[str, Any], words: str) -> None:
    assert any(words in one for one in loosened(stated(**before), stated(**now)))


@pytest.mark.parametrize(
    "more",
    [
        {}, {"approvers": ["ada"]}, {"self_approval": False}, SIGNED, {"approvals_before_publish": 2},
        {"checkpoints": {"publish": "always"}}, {"test_command": "pytest"}, {"rebuilt": "refuse"}, {"attestations": "require"},
        {"sign_tags": True}, {"test_timeout": 7}, {"freeze": ["Fri"]},
    ],
)  # fmt: skip
def test_what_is_stricter_or_no_rule_is_not_loosened(more: dict[str, Any]) -> None:
    assert loosened(stated(), stated(**more)) == ()


def test_a_signer_more_or_another_key_is_laxer_and_one_less_is_not() -> None:
    ann, bob = "ann ssh-ed25519 AAAA", "bob ssh-ed25519 BBBB"
    one, both = stated(f"# people\n{ann}\n", **SIGNED), stated(f"{ann}\n{bob}\n", **SIGNED)
    assert loosened(one, both) == ("allowed-signers: 1 added or changed (bob)",)
    assert loosened(both, one) == ()
    assert loosened(one, stated("ann  ssh-ed25519   AAAA", **SIGNED)) == ()
    assert loosened(one, stated("ann ssh-ed25519 CCCC", **SIGNED)) == ("allowed-signers: 1 added or changed (ann)",)


def test_the_stricter_of_two_counts_rule_by_rule() -> None:
    one = stated(checkpoints={"publisher": "never"}, attestations="require").settings
    other = stated(checkpoints={"publish": "always"}, rebuilt="refuse").settings
    found = stricter(one, other)
    asks = {"migrations": "when-needed", "tests": "when-needed", "publisher": "always", "publish": "always"}
    assert (found.checkpoints, found.attestations, found.rebuilt) == (asks, "require", "refuse")


def test_tests_that_came_later_count_where_there_were_none() -> None:
    none, some, others = stated().settings, stated(test_command="a").settings, stated(test_checks=["b"]).settings
    assert stricter(none, some).test_command == ("a",)
    assert stricter(none, others).test_checks == ("b",)
    kept = stricter(some, others)
    assert (kept.test_command, kept.test_checks) == (("a",), ())


def test_the_digest_is_of_what_is_stated_in_any_order() -> None:
    one, other = stated(rebuilt="refuse", sign_tags=True), stated(sign_tags=True, rebuilt="refuse")
    assert one.digest == other.digest != stated(rebuilt="refuse").digest
    assert replace(one, where="x").digest == one.digest
    assert stated("ann", **SIGNED).digest != stated("bob", **SIGNED).digest


def test_every_rule_is_a_setting() -> None:
    assert set(LAXER) <= set(READERS)
