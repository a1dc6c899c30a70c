"""The repository on GitHub and what surrounds a release there: token, rules, environment, limits. Observed only."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from clients import github_api, process
from lockgate.child_environment import helper_environment
from lockgate.errors import Problem, RefusedError
from lockgate.github import (
    Environment,
    GitHub,
    Notes,
    Rate,
    RefPolicy,
    RefRule,
    Repository,
    Ruleset,
    Surroundings,
    WorkflowState,
    server_url,
    workflow_file,
)
from lockgate.lines import lines_of
from lockgate.secrets import Token

TOKEN_VARIABLES = ("GH_TOKEN", "GITHUB_TOKEN")  # in this order, as in `gh help environment`
GH_TIMEOUT_SECONDS = 20.0
UNSEEN = (401, 403, 404)  # 401: asked without a token
NO_SUCH_PLAN = "Upgrade to GitHub"

T = TypeVar("T")
Refusal = tuple[str, Problem]


@dataclass(frozen=True, slots=True)
class _RefName:
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Conditions:
    ref_name: _RefName = field(default_factory=_RefName)


@dataclass(frozen=True, slots=True)
class _Rule:
    type: str
    parameters: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Ruleset:
    """Part of an answer: docs.github.com/en/rest/repos/rules#get-a-repository-ruleset."""

    id: int
    name: str
    enforcement: str
    target: str | None = None
    conditions: _Conditions | None = None
    rules: tuple[_Rule, ...] = ()
    current_user_can_bypass: str = ""
    links: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Protection:
    """Part of an answer: a wait timer, required reviewers, or a mark that refs are restricted."""

    type: str
    wait_timer: int = 0
    prevent_self_review: bool = False
    reviewers: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _DeploymentPolicy:
    protected_branches: bool
    custom_branch_policies: bool


@dataclass(frozen=True, slots=True)
class _Environment:
    """Part of an answer: docs.github.com/en/rest/deployments/environments#get-an-environment."""

    name: str
    html_url: str
    protection_rules: tuple[_Protection, ...] = ()
    deployment_branch_policy: _DeploymentPolicy | None = None


@dataclass(frozen=True, slots=True)
class _Retention:
    """Part of an answer: docs.github.com/en/rest/actions/permissions (artifact and log retention)."""

    days: int


@dataclass(frozen=True, slots=True)
class _Resources:
    core: Rate


@dataclass(frozen=True, slots=True)
class _RateAnswer:
    resources: _Resources


def github_token(environ: Mapping[str, str]) -> Token | None:
    """The token to ask GitHub with: GH_TOKEN, GITHUB_TOKEN, then what `gh auth token` gives; None without any."""
    for name in TOKEN_VARIABLES:
        if environ.get(name, "").strip():
            return Token(environ[name])
    return _token_of_gh(environ)


def observe_repository(hub: GitHub) -> Repository | None:
    """The repository; None when there is none that the token may see.

    Raises RefusedError with the new address after a rename. docs.github.com/en/rest/repos/repos#get-a-repository
    """
    return _observe_as(Repository, hub, (), f"looking at the repository {hub.slug}")


def observe_workflow(hub: GitHub, workflow: str) -> WorkflowState | None:
    """A workflow file's state; None when GitHub has not registered it.

    docs.github.com/en/rest/actions/workflows#get-a-workflow
    """
    name = workflow_file(workflow)
    return _observe_as(WorkflowState, hub, ("actions", "workflows", name), f"looking at the workflow {name!r}")


def observe_environment(hub: GitHub, name: str) -> Environment | None:
    """A deployment environment with its rules, and the refs that may deploy; None when it does not exist.

    docs.github.com/en/rest/deployments/environments#get-an-environment
    """
    what = f"looking at the environment {name!r}"
    found = _observe_as(_Environment, hub, ("environments", name), what)
    if found is None:
        return None
    value = _environment(found)
    policy = found.deployment_branch_policy
    if policy is None:
        return value
    if not policy.custom_branch_policies:
        return replace(value, refs="protected branches")
    path = github_api.path_of(hub, "environments", name, "deployment-branch-policies")
    what = f"reading which refs may deploy to {name!r}"
    entries = github_api.observe_pages(hub, path, what=what, key="branch_policies")
    return replace(value, refs=github_api.read_as(tuple[RefPolicy, ...], entries, what))


def observe_rulesets(hub: GitHub) -> tuple[Ruleset, ...] | None:
    """Every ruleset for tags with its rules, also those of the organisation; None when the token may not see them.

    None there are where the plan has no rulesets, which GitHub says by asking for an upgrade. One that is listed and cannot be
    read has no `rules`. docs.github.com/en/rest/repos/rules#get-all-repository-rulesets
    """
    what = "listing the rulesets for tags"
    query = {"targets": "tag", "includes_parents": "true"}
    entries = github_api.see_pages(hub, github_api.path_of(hub, "rulesets"), what=what, query=query, unseen=UNSEEN)
    if isinstance(entries, github_api.Unseen):
        return () if NO_SUCH_PLAN in entries.words else None
    listed = github_api.read_as(tuple[_Ruleset, ...], entries, what)
    found = ((one, _read_ruleset(hub, one.id)) for one in listed if one.target in {"tag", None})
    return tuple(_unread(one) if read is None else _ruleset(read) for one, read in found)


def observe_immutable(hub: GitHub) -> bool | None:
    """Whether releases are immutable once published; None when the token cannot tell (GitHub says 404 for "no", too).

    docs.github.com/en/rest/repos/repos#check-if-immutable-releases-are-enabled-for-a-repository
    """
    path = github_api.path_of(hub, "immutable-releases")
    data = github_api.observe(hub, path, what="asking whether releases are immutable", missing=UNSEEN)
    return bool(data.get("enabled")) if isinstance(data, dict) else None


def observe_rate(hub: GitHub) -> Rate:
    """The request limit and what remains of it; asking is free: docs.github.com/en/rest/rate-limit/rate-limit."""
    what = "asking for the request limit"
    data = github_api.observe(hub, "/rate_limit", what=what) or {}
    return github_api.read_as(_RateAnswer, data, what).resources.core


def observe_retention(hub: GitHub) -> int | None:
    """How many days logs and artifacts are kept; None when the token may not see it.

    docs.github.com/en/rest/actions/permissions#get-artifact-and-log-retention-settings-for-a-repository
    """
    parts = ("actions", "permissions", "artifact-and-log-retention")
    found = _observe_as(_Retention, hub, parts, "asking how long logs are kept", missing=UNSEEN)
    return None if found is None else found.days


def generate_notes(hub: GitHub, tag: str, commit: str, previous_tag: str = "") -> Notes:
    """Release notes by GitHub; nothing is stored, yet it needs the permission to write releases.

    So it also proves that permission before anything changes; raises RefusedError without it.
    docs.github.com/en/rest/releases/releases#generate-release-notes-content-for-a-release
    """
    body = {"tag_name": tag, "target_commitish": commit}
    if previous_tag:
        body["previous_tag_name"] = previous_tag
    what = f"generating release notes for {tag!r} (needs a token that may write releases)"
    path = github_api.path_of(hub, "releases", "generate-notes")
    return github_api.read_as(Notes, github_api.act(hub, "POST", path, what=what, expected={200}, body=body), what)


def observe_surroundings(
    hub: GitHub, workflow: str, environment: str = "", *, tag: str = "", commit: str = ""
) -> Surroundings:
    """Everything step 7 looks at; what is refused is collected, so that all of it can be told at once.

    With tag and commit (which GitHub must have) the right to write releases is proved by generating notes.
    Raises UnavailableError and RateLimitedError. Without a repository nothing else is asked.
    """
    found, refusals = _collect({"repository": lambda: observe_repository(hub)})
    if found.get("repository") is None:
        return Surroundings(**found, refusals=refusals)
    others: dict[str, Callable[[], Any]] = {
        "rate": lambda: observe_rate(hub),
        "workflow": lambda: observe_workflow(hub, workflow),
        "rulesets": lambda: observe_rulesets(hub),
        "immutable": lambda: observe_immutable(hub),
        "retention_days": lambda: observe_retention(hub),
    }
    if environment:
        others["environment"] = lambda: observe_environment(hub, environment)
    if tag and commit and hub.token:
        others["notes"] = lambda: generate_notes(hub, tag, commit)
    rest, more = _collect(others)
    return Surroundings(**found, **rest, refusals=(*refusals, *more))


def _collect(observers: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Any], tuple[Refusal, ...]]:
    found: dict[str, Any] = {}
    refusals: list[Refusal] = []
    for name, observer in observers.items():
        try:
            found[name] = observer()
        except RefusedError as error:
            refusals.extend((name, problem) for problem in error.problems)
    return found, tuple(refusals)


def _observe_as(
    kind: type[T], hub: GitHub, parts: tuple[str, ...], what: str, missing: tuple[int, ...] = (404,)
) -> T | None:
    data = github_api.observe(hub, github_api.path_of(hub, *parts), what=what, missing=missing)
    return None if data is None else github_api.read_as(kind, data, what)


def _read_ruleset(hub: GitHub, ruleset_id: int) -> _Ruleset | None:
    path = github_api.path_of(hub, "rulesets", ruleset_id)
    what = f"reading ruleset {ruleset_id}"
    data = github_api.observe(hub, path, what=what, query={"includes_parents": "true"}, missing=UNSEEN)
    if isinstance(data, dict):
        data["links"] = data.get("_links")
    return None if data is None else github_api.read_as(_Ruleset, data, what)


def _ruleset(found: _Ruleset) -> Ruleset:
    refs = (found.conditions or _Conditions()).ref_name
    page = (found.links or {}).get("html") or {}
    rules = tuple(_rule(one.type, one.parameters or {}) for one in found.rules)
    return Ruleset(
        found.id,
        found.name,
        found.enforcement,
        refs.include,
        refs.exclude,
        rules,
        found.current_user_can_bypass,
        str(page.get("href", "")),
    )


def _unread(listed: _Ruleset) -> Ruleset:
    return Ruleset(listed.id, listed.name, listed.enforcement, rules=None)


def _rule(kind: str, parameters: Mapping[str, Any]) -> RefRule:
    text = {name: str(parameters.get(name, "")) for name in ("operator", "pattern")}
    return RefRule(kind, text["operator"], text["pattern"], negate=bool(parameters.get("negate")))


def _environment(found: _Environment) -> Environment:
    reviews = [one for one in found.protection_rules if one.type == "required_reviewers"]
    return Environment(
        found.name,
        found.html_url,
        reviewers=tuple(_reviewer(entry) for one in reviews for entry in one.reviewers),
        prevent_self_review=any(one.prevent_self_review for one in reviews),
        wait_minutes=max((one.wait_timer for one in found.protection_rules), default=0),
    )


def _reviewer(entry: Mapping[str, Any]) -> str:
    who = entry.get("reviewer") or {}
    return str(who.get("login") or who.get("name") or who.get("slug") or entry.get("type", ""))


def _token_of_gh(environ: Mapping[str, str]) -> Token | None:
    """Exit status 1 means logged out: cli.github.com/manual/gh_auth_token."""
    command = shutil.which("gh", path=environ.get("PATH"))
    if command is None:
        return None
    host = urlsplit(server_url(environ)).hostname or ""
    given = [command, "auth", "token", "--hostname", host]
    done = process.run(given, cwd=Path.cwd(), timeout=GH_TIMEOUT_SECONDS, environment=helper_environment(environ))
    # Notices of gh may be among its output; they have blanks, a token has none.
    words = [line.strip() for line in lines_of(done.output) if len(line.split()) == 1]
    return Token(words[0]) if done.ok and words else None
