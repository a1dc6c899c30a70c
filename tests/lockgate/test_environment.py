"""Step 7: everything on GitHub that would stop a release, all at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.environment import (
    Wanted,
    check_environment,
    describe_environment,
    environment_warnings,
    is_actions_token,
)
from lockgate.errors import Problem
from lockgate.github import (
    Environment,
    Permissions,
    Rate,
    RefPolicy,
    RefRule,
    Repository,
    Ruleset,
    Surroundings,
    WorkflowState,
)
from lockgate.secrets import Token

REPOSITORY = Repository("octo/pkg", "main", "https://forge.test/octo/pkg", permissions=Permissions(push=True))
WORKFLOW = WorkflowState(1, "Publish", ".github/workflows/publish.yml", "active", "https://forge.test/publish.yml")
PLACE = Environment("pypi", "https://forge.test/pypi", (RefPolicy("v*", "tag"),), ("octocat",))
RULES = Ruleset(1, "tags", "active", ("~ALL",), (), (RefRule("creation"),), "never", "https://forge.test/rules/1")
RATE = Rate(5000, 4999, 1_700_000_000)
GOOD = Surroundings(REPOSITORY, WORKFLOW, PLACE, (), False, RATE, 90)
WANTED = Wanted("octo/pkg", "v1.0", "publish.yml", "pypi")


def messages(found: Surroundings, wanted: Wanted = WANTED) -> list[str]:
    return [str(problem) for problem in check_environment(found, wanted)]


def test_good_surroundings_have_no_problem() -> None:
    assert messages(GOOD) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (replace(GOOD, repository=None), "GitHub shows no repository octo/pkg"),
        (replace(GOOD, repository=replace(REPOSITORY, full_name="new/pkg")), "knows the repository as new/pkg"),
        (replace(GOOD, repository=replace(REPOSITORY, archived=True)), "octo/pkg is archived"),
        (replace(GOOD, repository=replace(REPOSITORY, disabled=True)), "octo/pkg is disabled"),
        (replace(GOOD, repository=replace(REPOSITORY, permissions=Permissions(pull=True))), "may not push to octo/pkg"),
        (replace(GOOD, workflow=None), "registered no workflow 'publish.yml'"),
        (replace(GOOD, workflow=replace(WORKFLOW, state="disabled_inactivity")), "is disabled inactivity"),
        (replace(GOOD, environment=replace(PLACE, refs="protected branches")), "only protected branches deploy"),
        (replace(GOOD, environment=replace(PLACE, refs=())), "lets these refs deploy: none"),
        (replace(GOOD, environment=replace(PLACE, refs=(RefPolicy("v*"),))), "lets these refs deploy: branch v*"),
        (replace(GOOD, environment=replace(PLACE, refs=(RefPolicy("r*", "tag"),))), "lets these refs deploy: tag r*"),
        (replace(GOOD, rate=replace(RATE, remaining=12)), "12 of 5000 requests to GitHub are left"),
        (replace(GOOD, rulesets=(RULES,)), "'tags' (https://forge.test/rules/1) covers tag 'v1.0' and does not let"),
        (replace(GOOD, refusals=(("rulesets", Problem("Seen.", "that", "do")),)), "Seen. Expected: that. Next: do."),
    ],
)
def test_each_problem_alone(found: Surroundings, words: str) -> None:
    (message,) = messages(found)
    assert words in message


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (replace(WANTED, has_token=False), "No GitHub token was found"),
        (replace(WANTED, actions_token=True), "starts no other workflow"),
    ],
)
def test_a_token_that_cannot_do_it(wanted: Wanted, words: str) -> None:
    (message,) = messages(GOOD, wanted)
    assert words in message


def test_all_problems_come_at_once() -> None:
    found = replace(
        GOOD,
        repository=replace(REPOSITORY, archived=True, permissions=Permissions()),
        workflow=None,
        environment=replace(PLACE, refs="protected branches"),
        rulesets=(RULES,),
        rate=Rate(60, 0, 0),
    )
    assert len(messages(found, replace(WANTED, actions_token=True))) == 7


def test_without_a_token_its_rate_says_nothing() -> None:
    (message,) = messages(replace(GOOD, rate=Rate(60, 3, 0)), replace(WANTED, has_token=False))
    assert "No GitHub token was found" in message


def test_what_could_not_be_seen_is_not_said_to_be_missing() -> None:
    refusal = Problem("refused", "rights", "ask")
    assert len(messages(replace(GOOD, workflow=None, refusals=(("workflow", refusal),)))) == 1
    assert len(messages(Surroundings(refusals=(("repository", refusal),)))) == 1
    assert len(messages(replace(GOOD, workflow=None, refusals=(("rulesets", refusal),)))) == 2


def test_the_reset_of_the_rate_is_told_as_a_time() -> None:
    (message,) = messages(replace(GOOD, rate=replace(RATE, remaining=0)))
    assert "wait until 22:13 UTC" in message


@pytest.mark.parametrize(
    "ruleset",
    [
        replace(RULES, enforcement="evaluate"),
        replace(RULES, enforcement="disabled"),
        replace(RULES, current_user_can_bypass="always"),
        replace(RULES, current_user_can_bypass="exempt"),
        replace(RULES, include=("refs/tags/r*",)),
        replace(RULES, exclude=("refs/tags/v1*",)),
        replace(RULES, rules=(RefRule("deletion"), RefRule("update"), RefRule("non_fast_forward"))),
        replace(RULES, rules=(RefRule("tag_name_pattern", "starts_with", "v"),)),
        replace(RULES, rules=(RefRule("tag_name_pattern", "regex", r"^v\d+\.\d+$"),)),
        replace(RULES, rules=(RefRule("tag_name_pattern", "contains", "beta", negate=True),)),
    ],
)
def test_a_ruleset_that_lets_the_tag_pass(ruleset: Ruleset) -> None:
    found = replace(GOOD, rulesets=(ruleset,))
    assert messages(found) == []
    assert not [one for one in environment_warnings(found, WANTED) if "ruleset" in one]


@pytest.mark.parametrize(
    ("ruleset", "words"),
    [
        (replace(RULES, current_user_can_bypass=""), "does not let the token's owner create it"),
        (replace(RULES, current_user_can_bypass="pull_requests_only"), "does not let the token's owner create it"),
        (
            replace(RULES, rules=(RefRule("tag_name_pattern", "starts_with", "r"),)),
            "names that do fit: starts with 'r'",
        ),
        (replace(RULES, rules=(RefRule("tag_name_pattern", "ends_with", "x"),)), "names that do fit: ends with 'x'"),
        (replace(RULES, rules=(RefRule("tag_name_pattern", "regex", "v", True),)), "names that do not fit: regex 'v'"),
    ],
)
def test_a_ruleset_that_stops_the_tag(ruleset: Ruleset, words: str) -> None:
    (message,) = messages(replace(GOOD, rulesets=(ruleset,)))
    assert words in message


@pytest.mark.parametrize(
    "rule",
    [
        RefRule("required_signatures"),
        RefRule("tag_name_pattern", "regex", "(?<bad"),
        RefRule("tag_name_pattern", "unheard_of", "x"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_a_warning(rule: RefRule) -> None:
    found = replace(GOOD, rulesets=(replace(RULES, rules=(rule,)),))
    assert messages(found) == []
    assert f"only the push will show: {rule.type}." in "\n".join(environment_warnings(found, WANTED))


def test_what_cannot_be_seen_is_no_none_and_no_refusal() -> None:
    unseen = replace(GOOD, environment=replace(PLACE, reviewers=()), rulesets=None, immutable=None, retention_days=None)
    assert messages(unseen) == []
    (warning,) = environment_warnings(unseen, WANTED)
    assert "The rulesets for tags cannot be seen with this token: only the push will show" in warning
    rows = dict(describe_environment(unseen))
    assert rows["rulesets for tags"] == rows["logs are kept"] == "not to be seen with this token"
    assert rows["immutable releases"] == "no, or not to be seen with this token"
    assert dict(describe_environment(GOOD))["rulesets for tags"] == "none"
    refused = replace(GOOD, environment=None, refusals=(("environment", Problem("a", "b", "c")),))
    rows = dict(describe_environment(refused))
    assert rows["environment"] == rows["refs that may deploy"] == rows["reviewers"] == "not to be seen with this token"
    unread = replace(unseen, rulesets=(replace(RULES, rules=None),))
    (warning,) = environment_warnings(unread, WANTED)
    assert "The ruleset 'tags' cannot be read with this token" in warning


def test_warnings_name_reviewers_timers_and_a_missing_environment() -> None:
    guarded = replace(PLACE, prevent_self_review=True, wait_minutes=30)
    waits, timer = environment_warnings(replace(GOOD, environment=guarded), WANTED)
    assert "wait until one of octocat approves it (https://forge.test/pypi). The person who pushes the tag" in waits
    assert "timer of environment 'pypi': 30 minutes" in timer
    (missing,) = environment_warnings(replace(GOOD, environment=None), WANTED)
    assert "GitHub has no environment 'pypi'; the run will create it" in missing
    assert environment_warnings(replace(GOOD, environment=None), replace(WANTED, environment="")) == ()
    unseen = replace(GOOD, environment=None, refusals=(("environment", Problem("a", "b", "c")),))
    assert environment_warnings(unseen, WANTED) == ()


def test_the_table_tells_how_everything_is() -> None:
    rows = dict(describe_environment(GOOD))
    assert rows["refs that may deploy"] == "tag v*"
    assert rows["immutable releases"] == "no"
    assert rows["requests left"] == "4999 of 5000"
    assert dict(describe_environment(Surroundings()))["may push"] == "unknown"


@pytest.mark.parametrize(
    ("token", "environ", "rate", "expected"),
    [
        ("ghs_x", {"GITHUB_ACTIONS": "true"}, Rate(1000, 1, 1), True),
        ("ghs_x", {"GITHUB_ACTIONS": "true"}, RATE, False),
        ("ghp_x", {"GITHUB_ACTIONS": "true"}, Rate(1000, 1, 1), False),
        ("ghs_x", {}, Rate(1000, 1, 1), False),
        ("ghs_x", {"GITHUB_ACTIONS": "true"}, None, False),
    ],
)
def test_a_workflows_own_token_is_recognised(
    token: str, environ: dict[str, str], rate: Rate | None, expected: bool
) -> None:
    assert is_actions_token(Token(token), environ, rate) is expected
    assert not is_actions_token(None, environ, rate)
