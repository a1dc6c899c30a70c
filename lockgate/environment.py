"""Step 7's rules: what must be so on GitHub before the tag may be pushed. All problems at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lockgate.errors import Problem
from lockgate.github import Environment, Rate, RefRule, Repository, Ruleset, Surroundings, WorkflowState
from lockgate.ref_patterns import covers, matches
from lockgate.secrets import Token

REQUESTS_NEEDED = 200  # a release makes about 60; waiting for its run adds one each poll
ACTIONS_TOKEN_LIMIT = 1000  # requests per hour of a workflow's own token: docs.github.com, rate limits for the REST API
ACTIONS_TOKEN_PREFIX = "ghs_"  # noqa: S105 - the mark of every installation token, not a secret
MAY_BYPASS = ("always", "exempt")
HARMLESS_RULES = ("deletion", "non_fast_forward", "update")  # they say nothing of a new tag
TRY_AGAIN = "then run again"
UNSEEN = "not to be seen with this token"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the surroundings are checked for: `environment` is "" when the publishing job names none."""

    slug: str
    tag: str
    workflow: str
    environment: str = ""
    has_token: bool = True
    actions_token: bool = False


def check_environment(found: Surroundings, wanted: Wanted) -> tuple[Problem, ...]:
    """Everything that would stop the tag, the release or the publish run; empty when nothing does.

    Includes what the token was refused to see. It cannot know all that GitHub would refuse: a push that is tried
    without effect, and notes that are generated, tell the rest.
    """
    problems = [*_check_token(wanted), *(problem for _, problem in found.refusals)]
    if found.repository is None:
        return (*problems, *([] if found.was_refused("repository") else [_no_repository(wanted)]))
    problems += _check_repository(found.repository, wanted)
    problems += [] if found.was_refused("workflow") else _check_workflow(found.workflow, wanted)
    problems += [problem for one in found.rulesets or () for problem in _check_ruleset(one, found.repository, wanted)]
    problems += _check_deployment(found.environment, wanted)
    problems += _check_rate(found.rate) if wanted.has_token else ()
    return tuple(problems)


def environment_warnings(found: Surroundings, wanted: Wanted) -> tuple[str, ...]:
    """What stops nothing now but a person should know: reviewers, wait timers, rules that cannot be judged here."""
    return (*_deployment_warnings(found, wanted), *_rule_warnings(found, wanted))


def describe_environment(found: Surroundings) -> tuple[tuple[str, str], ...]:
    """Rows of a table: what was looked at, and how it is."""
    rate, kept = found.rate, found.retention_days
    immutable = {True: "yes: tag and assets are frozen once published", False: "no", None: f"no, or {UNSEEN}"}
    place = found.environment
    absent = {
        name: UNSEEN if found.was_refused(name) else "not found" for name in ("repository", "workflow", "environment")
    }
    hidden = UNSEEN if found.was_refused("environment") else ""
    rows = [
        ("repository", absent["repository"] if found.repository is None else found.repository.full_name),
        ("may push", _yes_no(found.repository.can_push if found.repository else None)),
        (
            "workflow",
            absent["workflow"] if found.workflow is None else f"{found.workflow.path} ({found.workflow.state})",
        ),
        ("environment", absent["environment"] if place is None else place.name),
        ("refs that may deploy", hidden or ("any" if place is None else _refs(place))),
        ("reviewers", hidden or (", ".join(place.reviewers) if place and place.reviewers else "none")),
        ("rulesets for tags", _names(found.rulesets)),
        ("immutable releases", immutable[found.immutable]),
        ("requests left", "unknown" if rate is None else f"{rate.remaining} of {rate.limit}"),
        ("logs are kept", UNSEEN if kept is None else f"{kept} days"),
    ]
    return tuple(rows)


def is_actions_token(token: Token | None, environ: Mapping[str, str], rate: Rate | None) -> bool:
    """Whether the token is a workflow's own GITHUB_TOKEN, whose pushes start no other workflow.

    Told from an App's token by its lower limit. docs.github.com/en/actions, "Triggering a workflow from a workflow"
    """
    inside = environ.get("GITHUB_ACTIONS") == "true"
    installation = token is not None and token.reveal().startswith(ACTIONS_TOKEN_PREFIX)
    return inside and installation and rate is not None and rate.limit <= ACTIONS_TOKEN_LIMIT


def _check_token(wanted: Wanted) -> Iterator[Problem]:
    if not wanted.has_token:
        yield Problem(
            "No GitHub token was found",
            "a token in GH_TOKEN or GITHUB_TOKEN, or a login of the gh command",
            f"make a fine-grained token for {wanted.slug} with Contents: write and Actions: write, set GH_TOKEN, "
            f"{TRY_AGAIN}; in GitHub Actions map a secret to GH_TOKEN",
        )
    if wanted.actions_token:
        yield Problem(
            "The token is the workflow's own GITHUB_TOKEN, and a tag pushed with it starts no other workflow",
            "a token of a person or of a GitHub App",
            f"store such a token as a secret, map it to GH_TOKEN in the workflow, {TRY_AGAIN}",
        )


def _no_repository(wanted: Wanted) -> Problem:
    return Problem(
        f"GitHub shows no repository {wanted.slug}",
        "the repository of the remote, visible to the token",
        f"check the remote's address, and that the token was made for {wanted.slug}",
    )


def _check_repository(found: Repository, wanted: Wanted) -> Iterator[Problem]:
    if found.full_name.lower() != wanted.slug.lower():
        yield Problem(
            f"GitHub knows the repository as {found.full_name}",
            f"the name of the remote, {wanted.slug}: a Trusted Publisher compares it",
            f"set the remote to {found.html_url}",
        )
    if found.archived or found.disabled:
        state = "archived" if found.archived else "disabled"
        yield Problem(
            f"{found.full_name} is {state}", "a repository that can be written to", f"unarchive it at {found.html_url}"
        )
    if found.can_push is False:
        yield Problem(
            f"The token's owner may not push to {found.full_name}",
            "push access: the tag and the release need it",
            f"ask for write access, or use another person's token, {TRY_AGAIN}",
        )


def _check_workflow(found: WorkflowState | None, wanted: Wanted) -> Iterator[Problem]:
    if found is None:
        yield Problem(
            f"GitHub has registered no workflow {wanted.workflow!r}",
            "the publish workflow, on the default branch",
            "push the workflow file to the default branch, and see it under the repository's Actions",
        )
    elif found.state != "active":
        yield Problem(
            f"The workflow {found.path} is {found.state.replace('_', ' ')}",
            "an active workflow",
            f"enable it at {found.html_url or 'the repository'} (Actions, the workflow, Enable workflow), {TRY_AGAIN}",
        )


def _check_ruleset(found: Ruleset, repository: Repository, wanted: Wanted) -> Iterator[Problem]:
    if not _binds(found, repository, wanted):
        return
    for rule in found.rules or ():
        if rule.type == "creation":
            yield _forbidden(found, wanted, "does not let the token's owner create it")
        elif rule.type == "tag_name_pattern" and _fits(rule, wanted.tag) is rule.negate:
            words = f"{rule.operator.replace('_', ' ')} {rule.pattern!r}"
            yield _forbidden(found, wanted, f"wants names that do{' not' if rule.negate else ''} fit: {words}")


def _rule_warnings(found: Surroundings, wanted: Wanted) -> Iterator[str]:
    if found.repository is not None and found.rulesets is None and not found.was_refused("rulesets"):
        yield (
            f"The rulesets for tags cannot be seen with this token: only the push will show whether one forbids {wanted.tag!r}."
        )
    for ruleset in found.rulesets or ():
        if ruleset.rules is None and ruleset.enforcement == "active":
            yield f"The ruleset {ruleset.name!r} cannot be read with this token; only the push will show what it forbids."
        if found.repository is None or not _binds(ruleset, found.repository, wanted):
            continue
        open_ones = ", ".join(rule.type for rule in ruleset.rules or () if not _is_judged(rule, wanted.tag))
        if open_ones:
            yield f"The ruleset {ruleset.name!r} holds for tag {wanted.tag!r}; only the push will show: {open_ones}."


def _check_deployment(found: Environment | None, wanted: Wanted) -> Iterator[Problem]:
    if found is None:
        return
    if found.refs == "protected branches":
        yield _cannot_deploy(found, wanted, "lets only protected branches deploy, and a tag is none")
    elif not _may_deploy(found, wanted.tag):
        yield _cannot_deploy(found, wanted, f"lets these refs deploy: {_refs(found)}")


def _deployment_warnings(surroundings: Surroundings, wanted: Wanted) -> Iterator[str]:
    found = surroundings.environment
    if found is None:
        if wanted.environment and not surroundings.was_refused("environment"):
            yield f"GitHub has no environment {wanted.environment!r}; the run will create it, without any rules."
        return
    if found.reviewers:
        who = ", ".join(found.reviewers)
        own = " The person who pushes the tag cannot approve it." if found.prevent_self_review else ""
        yield f"The publish run will wait until one of {who} approves it ({found.html_url}).{own}"
    if found.wait_minutes:
        yield f"The publish run will wait for the timer of environment {found.name!r}: {found.wait_minutes} minutes."


def _check_rate(found: Rate | None) -> Iterator[Problem]:
    if found is not None and found.remaining < REQUESTS_NEEDED:
        at = datetime.fromtimestamp(found.reset, UTC).strftime("%H:%M UTC")
        yield Problem(
            f"{found.remaining} of {found.limit} requests to GitHub are left",
            f"at least {REQUESTS_NEEDED}, so that the release is not interrupted",
            f"wait until {at}, when the count starts anew, {TRY_AGAIN}",
        )


def _binds(found: Ruleset, repository: Repository, wanted: Wanted) -> bool:
    """Whether a ruleset is in force for the tag and for the token's owner; "evaluate" only reports."""
    in_force = found.enforcement == "active" and found.current_user_can_bypass not in MAY_BYPASS
    return in_force and covers(found.include, found.exclude, f"refs/tags/{wanted.tag}", repository.default_branch)


def _is_judged(rule: RefRule, tag: str) -> bool:
    """Whether the rule is harmless for a new tag or has been decided by `_check_ruleset`."""
    if rule.type == "tag_name_pattern":
        return _fits(rule, tag) is not None
    return rule.type in {*HARMLESS_RULES, "creation"}


def _fits(rule: RefRule, tag: str) -> bool | None:
    """Whether a name fits a pattern rule; None for an operator or a regular expression that is not understood here."""
    match rule.operator:
        case "starts_with":
            return tag.startswith(rule.pattern)
        case "ends_with":
            return tag.endswith(rule.pattern)
        case "contains":
            return rule.pattern in tag
        case "regex":
            return _found(rule.pattern, tag)
        case _:
            return None


MOST_REPETITIONS = 3
_REPEATED = re.compile(r"[*+{]")
_BACKTRACKING = re.compile(r"\)[*+?{]|\\[1-9]|\(\?P=")
"""A repeated group, or a reference to one: such an expression may take for ever, so it is one that is not understood."""


def _found(pattern: str, tag: str) -> bool | None:
    if _BACKTRACKING.search(pattern) or len(_REPEATED.findall(pattern)) > MOST_REPETITIONS:
        return None
    try:
        return re.search(pattern, tag) is not None
    except re.error:
        return None


def _forbidden(found: Ruleset, wanted: Wanted, why: str) -> Problem:
    where = f" ({found.html_url})" if found.html_url else ""
    return Problem(
        f"The ruleset {found.name!r}{where} covers tag {wanted.tag!r} and {why}",
        "rules that let this release's tag be created",
        f"let an administrator change the ruleset or add a bypass, or use a token that may bypass it, {TRY_AGAIN}",
    )


def _may_deploy(found: Environment, tag: str) -> bool:
    """Whether a tag may deploy; patterns of type branch do not count for it."""
    if isinstance(found.refs, str):
        return found.refs == "any"
    return any(one.type == "tag" and matches(one.name, tag) for one in found.refs)


def _cannot_deploy(found: Environment, wanted: Wanted, why: str) -> Problem:
    return Problem(
        f"The environment {found.name!r} {why}",
        f"that tag {wanted.tag!r} may deploy: otherwise the publish run fails after the tag is pushed",
        f"add a tag rule such as v* under Deployment branches and tags at {found.html_url}, {TRY_AGAIN}",
    )


def _refs(found: Environment) -> str:
    if isinstance(found.refs, str):
        return found.refs
    return ", ".join(f"{one.type} {one.name}" for one in found.refs) or "none"


def _names(found: tuple[Ruleset, ...] | None) -> str:
    return UNSEEN if found is None else ", ".join(one.name for one in found) or "none"


def _yes_no(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[value]
