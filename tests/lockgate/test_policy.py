"""The policy: what a repository says can only be stricter, and what is not understood releases nothing."""

from __future__ import annotations

from typing import Any

import pytest

from lockgate.errors import RefusedError, SettingsError
from lockgate.policy import check_place, check_yes, hold_to, host_of, read_policy
from lockgate.request import Request
from lockgate.settings import CHECKPOINTS, Settings
from lockgate.version_sources import VersionSource

PLACE = 'repositories = ["example/*", "Other/one"]\nhosts = ["GitHub.com"]\n'
RULE = """
[[rules]]
repositories = ["example/*"]
approvers = ["Ada", "grace"]
self-approval = false
approvals-before-publish = 2
checkpoints = { tests = "always" }
attestations = "require"
"""


def settings(**own: Any) -> Settings:
    return Settings("demo", "main", "v{version}", VersionSource("scm", "", "", ""), **own)


@pytest.mark.parametrize("slug", ["example/x", "EXAMPLE/X", "other/ONE"])
def test_what_is_named_may_be_released(slug: str) -> None:
    check_place([read_policy(PLACE, "file")], slug, f"https://github.com/{slug}.git")


@pytest.mark.parametrize(
    ("slug", "url"),
    [
        ("examples/x", "https://github.com/examples/x"),
        ("other/two", "https://github.com/other/two"),
        ("example/x", "https://github.com.attacker.example/example/x"),
        ("example/x", "https://github.com@attacker.example/example/x"),
        ("example/x", "git@mirror.example:example/x.git"),
        ("example/x", "/srv/example/x.git"),
        ("example/x", "file:///srv/example/x.git"),
        ("example/x", "http://127.0.0.1:8000/example/x.git"),
    ],
)
def test_what_is_not_named_may_not(slug: str, url: str) -> None:
    with pytest.raises(RefusedError, match="may not be released here"):
        check_place([read_policy(PLACE, "file")], slug, url)


def test_each_of_several_policies_is_kept() -> None:
    both = [read_policy(PLACE, "file"), read_policy('{"repositories": ["*/x"]}', "variable")]
    check_place(both, "example/x", "https://github.com/example/x")
    with pytest.raises(RefusedError, match="change variable"):
        check_place(both, "example/y", "https://github.com/example/y")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("git@GitHub.com:example/x.git", "github.com"),
        ("ssh://git@github.com:22/example/x.git", "github.com"),
        ("https://user@github.com/example/x", "github.com"),
        ("../example/x:y", "localhost"),
        ("http://[::1]:1/example/x", "localhost"),
    ],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host


def test_the_stricter_of_both_holds_and_says_where_it_came_from() -> None:
    held = hold_to(
        settings(approvals_before_publish=1, attestations="report"), [read_policy(RULE, "file")], "example/x"
    )
    assert held.approvers == ("Ada", "grace")
    assert (held.self_approval, held.approvals_before_publish, held.attestations) == (False, 2, "require")
    assert held.checkpoints == CHECKPOINTS | {"tests": "always", "publish": "always"}
    changed = {"approvers", "self_approval", "approvals_before_publish", "attestations", "checkpoints"}
    assert held.origins == dict.fromkeys(changed, "policy")


def test_what_a_project_says_stays_where_it_is_stricter() -> None:
    own = settings(approvers=("ADA", "eve"), self_approval=False, approvals_before_publish=3, attestations="require",
                   checkpoints=dict.fromkeys(CHECKPOINTS, "always"))  # fmt: skip
    held = hold_to(own, [read_policy(RULE, "file")], "example/x")
    assert held.approvers == ("Ada",)
    assert held.approvals_before_publish == 3
    assert held.checkpoints == dict.fromkeys(CHECKPOINTS, "always")
    assert held.origins == {"approvers": "policy"}


def test_a_rule_holds_for_its_repositories_only() -> None:
    assert hold_to(settings(), [read_policy(RULE, "file")], "another/x") == settings()


def test_nobody_left_to_approve_is_refused() -> None:
    with pytest.raises(SettingsError, match="the project names nobody"):
        hold_to(settings(approvers=("eve",)), [read_policy(RULE, "file")], "example/x")


def test_signatures_without_signers_are_refused() -> None:
    with pytest.raises(SettingsError, match="whose signatures count"):
        hold_to(settings(), [read_policy("[[rules]]\nsigned-approvals = true", "file")], "example/x")


def test_yes_does_not_go_below_it() -> None:
    policy = [read_policy(RULE, "file")]
    with pytest.raises(RefusedError, match="release without --yes"):
        check_yes(policy, "example/x", Request("x", approve_all=True))
    check_yes(policy, "example/x", Request("x"))
    check_yes(policy, "another/x", Request("x", approve_all=True))


@pytest.mark.parametrize(
    "text",
    [
        "repositories = [", "{", "[]", '"words"', "[1]", "repository = []", 'repositories = "example/x"', "repositories = []",
        'repositories = ["example"]', 'repositories = ["a/b/c"]', "hosts = [1]", "rules = 1", "rules = [1]",
        '[[rules]]\napprovers = "ada"', "[[rules]]\napprovals-before-publish = 0", '[[rules]]\ncheckpoints = { all = "always" }',
        '[[rules]]\nfreeze = ["Fri"]', "[[rules]]\napprovers = ['ada']\nself_approval = false", "{" * 20_000,
        "[[rules]]\nsigners = ['ada ssh-ed25519 AAAA']", "x" * 100_000,
    ],
)  # fmt: skip
def test_what_is_not_understood_releases_nothing(text: str) -> None:
    with pytest.raises(SettingsError, match="until then nothing is released"):
        read_policy(text, "file")
