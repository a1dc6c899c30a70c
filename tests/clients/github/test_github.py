"""The repository and what surrounds a release on GitHub's stand-in, and where a token comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clients import github
from lockgate.environment import Wanted, check_environment, environment_warnings
from lockgate.errors import RateLimitedError, RefusedError, UnavailableError
from lockgate.github import GitHub, RefPolicy, RefRule
from lockgate.secrets import Token
from sandbox.faults import Fault
from sandbox.world import Sandbox

WANTED = Wanted("octo/pkg", "v1.1.0", "publish.yml", "pypi")


def test_the_repository_and_its_permissions(hub: GitHub) -> None:
    found = github.observe_repository(hub)
    assert found is not None
    assert (found.full_name, found.default_branch, found.archived, found.can_push) == ("octo/pkg", "main", False, True)


def test_a_token_whose_owner_may_not_push(forge: Sandbox, hub: GitHub) -> None:
    forge.grant(push="false")
    found = github.observe_repository(hub)
    assert found is not None
    assert found.can_push is False


def test_without_a_token_the_permissions_are_unknown(hub: GitHub) -> None:
    found = github.observe_repository(replace(hub, token=None))
    assert found is not None
    assert found.can_push is None


def test_a_repository_that_is_not_there_is_none(forge: Sandbox, hub: GitHub) -> None:
    assert github.observe_repository(replace(hub, slug="octo/other")) is None
    forge.set_private(True)
    assert github.observe_repository(replace(hub, token=None)) is None


def test_the_workflow_and_its_state(forge: Sandbox, hub: GitHub) -> None:
    found = github.observe_workflow(hub, ".github/workflows/publish.yml")
    assert found is not None
    assert (found.path, found.state) == (".github/workflows/publish.yml", "active")
    forge.disable_workflow("publish.yml")
    found = github.observe_workflow(hub, "publish.yml")
    assert found is not None
    assert found.state == "disabled_manually"
    assert github.observe_workflow(hub, "other.yml") is None


@pytest.mark.parametrize(
    ("policies", "refs"),
    [
        (None, "any"),
        ("protected", "protected branches"),
        ([("v*", "tag"), ("main", "branch")], (RefPolicy("v*", "tag"), RefPolicy("main", "branch"))),
        ([], ()),
    ],
)
def test_which_refs_may_deploy(forge: Sandbox, hub: GitHub, policies: object, refs: object) -> None:
    forge.set_environment("pypi", policies=policies)  # type: ignore[arg-type]
    found = github.observe_environment(hub, "pypi")
    assert found is not None
    assert found.refs == refs


def test_reviewers_and_timer_of_an_environment(forge: Sandbox, hub: GitHub) -> None:
    forge.set_environment("pypi/test", reviewers=["ada", "octo"], wait_timer=30, prevent_self_review=True)
    found = github.observe_environment(hub, "pypi/test")
    assert found is not None
    assert (found.reviewers, found.wait_minutes, found.prevent_self_review) == (("ada", "octo"), 30, True)
    assert github.observe_environment(hub, "other") is None


def test_rulesets_for_tags_with_their_rules(forge: Sandbox, hub: GitHub) -> None:
    pattern = {"type": "tag_name_pattern", "parameters": {"operator": "starts_with", "pattern": "v", "negate": True}}
    forge.add_ruleset(name="tags", include=["refs/tags/v*"], exclude=["refs/tags/vx"], rules=["creation", pattern])
    forge.add_ruleset(name="branches", target="branch")
    (found,) = github.observe_rulesets(hub)
    assert (found.name, found.enforcement, found.current_user_can_bypass) == ("tags", "active", "never")
    assert (found.include, found.exclude) == (("refs/tags/v*",), ("refs/tags/vx",))
    assert found.rules == (RefRule("creation"), RefRule("tag_name_pattern", "starts_with", "v", negate=True))
    assert found.html_url.endswith(f"/octo/pkg/rules/{found.id}")


def test_whether_releases_are_immutable(forge: Sandbox, hub: GitHub) -> None:
    assert github.observe_immutable(hub) is None
    forge.set_immutable(True)
    assert github.observe_immutable(hub) is True
    forge.grant(administration="none")
    assert github.observe_immutable(hub) is None
    assert github.observe_immutable(replace(hub, token=None)) is None


def test_how_long_logs_are_kept(forge: Sandbox, hub: GitHub) -> None:
    forge.set_retention(7)
    assert github.observe_retention(hub) == 7
    forge.grant(administration="none")
    assert github.observe_retention(hub) is None


def test_a_rate_limit_is_not_taken_for_a_missing_permission(forge: Sandbox, hub: GitHub) -> None:
    forge.faults.add(Fault("rate-limit", match="immutable"))
    with pytest.raises(RateLimitedError):
        github.observe_immutable(hub)


def test_the_request_limit(hub: GitHub) -> None:
    rate = github.observe_rate(hub)
    assert (rate.limit, rate.remaining) == (5000, 4999)
    assert github.observe_rate(replace(hub, token=None)).limit == 60


def test_good_surroundings_pass_the_rules(forge: Sandbox, hub: GitHub, commit: str) -> None:
    forge.set_environment("pypi", policies=[("v*", "tag")])
    found = github.observe_surroundings(hub, "publish.yml", "pypi", tag="v1.1.0", commit=commit)
    assert check_environment(found, WANTED) == ()
    assert environment_warnings(found, WANTED) == ()
    assert found.notes is not None


def test_everything_that_is_wrong_is_told_at_once(forge: Sandbox, hub: GitHub, commit: str) -> None:
    forge.set_environment("pypi", policies=[("main", "branch")], reviewers=["ada"])
    forge.add_ruleset(name="no tags")
    forge.disable_workflow("publish.yml", "disabled_inactivity")
    forge.grant(push="false", contents="read")
    found = github.observe_surroundings(hub, "publish.yml", "pypi", tag="v1.1.0", commit=commit)
    words = "\n".join(str(problem) for problem in check_environment(found, WANTED))
    for expected in (
        "with the permission contents=write",
        "may not push to octo/pkg",
        "is disabled inactivity",
        "The ruleset 'no tags'",
        "lets these refs deploy: branch main",
    ):
        assert expected in words
    assert len(words.splitlines()) == 5
    assert "wait until one of ada approves" in "\n".join(environment_warnings(found, WANTED))


def test_what_the_token_may_not_see_is_told_and_nothing_more(forge: Sandbox, hub: GitHub) -> None:
    forge.grant(actions="none")
    found = github.observe_surroundings(hub, "publish.yml", "pypi")
    assert [name for name, _ in found.refusals] == ["workflow", "environment"]
    assert [str(one).count("actions=read") for one in check_environment(found, WANTED)] == [2, 2]


def test_a_wrong_token_is_told_once(hub: GitHub) -> None:
    found = github.observe_surroundings(replace(hub, token=Token("ghp_wrong")), "publish.yml", "pypi")
    (problem,) = check_environment(found, WANTED)
    assert "Bad credentials" in problem.seen


def test_an_outage_is_no_problem_of_the_repository(forge: Sandbox, hub: GitHub) -> None:
    forge.faults.add(Fault("error", match="environments"))
    with pytest.raises(UnavailableError):
        github.observe_surroundings(hub, "publish.yml", "pypi")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"GH_TOKEN": "a", "GITHUB_TOKEN": "b"}, "a"),
        ({"GH_TOKEN": " ", "GITHUB_TOKEN": "b\n"}, "b"),
        ({"GITHUB_TOKEN": "b"}, "b"),
    ],
)
def test_the_token_of_the_environment(environ: dict[str, str], expected: str) -> None:
    found = github.github_token(environ)
    assert found is not None
    assert found.reveal() == expected


def fake_gh(folder: Path, script: str) -> dict[str, str]:
    """A gh command of our own on the PATH."""
    path = folder / "gh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_the_token_of_a_gh_login(tmp_path: Path) -> None:
    environ = fake_gh(
        tmp_path, 'echo "A new release is out" >&2; [ "$*" = "auth token --hostname github.com" ] && echo gho_x'
    )
    found = github.github_token(environ)
    assert found is not None
    assert found.reveal() == "gho_x"


def test_a_gh_that_is_logged_out_gives_no_token(tmp_path: Path) -> None:
    assert github.github_token(fake_gh(tmp_path, "echo no-login; exit 1")) is None


def test_without_gh_there_is_no_token(tmp_path: Path) -> None:
    assert github.github_token({"PATH": str(tmp_path)}) is None


def test_a_refused_name_is_a_refusal() -> None:
    with pytest.raises(RefusedError):
        GitHub("https://api.github.com", "not a slug")
