"""REST endpoints of the repository itself: refs, tags, commits, rules, environments, immutability, limits, people."""

from __future__ import annotations

import time

from sandbox import github_views as views
from sandbox.context import Context
from sandbox.github_api import HOURLY_LIMIT, error, is_authenticated, not_found, page_of, remaining_requests, route
from sandbox.serving import Call, Reply, json_reply
from sandbox.state import JSON

ANONYMOUS_LIMIT = 60


@route("GET", "")
def get_repository(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/repos/repos#get-a-repository."""
    return json_reply(views.full_repository(context, authenticated=is_authenticated(call)))


@route("GET", "//user", needs="user=read")
def get_user(context: Context, _: Call) -> Reply:
    """https://docs.github.com/en/rest/users/users#get-the-authenticated-user."""
    body = views.user(context, context.settings["login"])
    empty = dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = {"created_at": context.repository["created_at"], "updated_at": context.repository["created_at"]}
    return json_reply({**body, **empty, **counts, **times})


@route("GET", "//rate_limit", needs="none=none")
def rate_limit(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/rate-limit/rate-limit (`rate` only in the older API version)."""
    limit = HOURLY_LIMIT if is_authenticated(call) else ANONYMOUS_LIMIT
    remaining = min(limit, remaining_requests(context))
    one: JSON = {
        "limit": limit,
        "used": limit - remaining,
        "remaining": remaining,
        "reset": (int(time.time()) // 3600 + 1) * 3600,
    }
    one["resource"] = "core"
    old = call.headers.get("x-github-api-version", "2022-11-28") == "2022-11-28"
    return json_reply({"resources": {"core": one, "search": one, "graphql": one}, **({"rate": one} if old else {})})


@route("GET", "/rulesets", query=("targets", "includes_parents"))
def list_rulesets(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/repos/rules#get-all-repository-rulesets (without their rules)."""
    targets = call.query.get("targets", "branch,tag,push").split(",")
    found = [ruleset for ruleset in context.repository.get("rulesets", []) if ruleset["target"] in targets]
    long = ("rules", "conditions", "current_user_can_bypass")
    return page_of(context, call, [{k: v for k, v in _ruleset(context, one).items() if k not in long} for one in found])


@route("GET", "/rulesets/{ruleset_id}", query=("includes_parents",))
def get_ruleset(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/repos/rules#get-a-repository-ruleset."""
    for ruleset in context.repository.get("rulesets", []):
        if str(ruleset["id"]) == call.params["ruleset_id"]:
            return json_reply(_ruleset(context, ruleset))
    raise not_found("/repos/rules#get-a-repository-ruleset")


def _ruleset(context: Context, entry: JSON) -> JSON:
    url = f"{context.api}/rulesets/{entry['id']}"
    links = {"self": {"href": url}, "html": {"href": f"{context.web}/{context.slug}/rules/{entry['id']}"}}
    source = {"source_type": "Repository", "source": context.slug, "node_id": views.node_id("RRS", entry["id"])}
    return {**entry, **source, "_links": links}


@route("GET", "/immutable-releases", needs="administration=read")
def immutable_releases(context: Context, _: Call) -> Reply:
    """https://docs.github.com/en/rest/repos/repos#check-if-immutable-releases-are-enabled-for-a-repository."""
    if not context.repository.get("immutable"):
        raise not_found("/repos/repos#check-if-immutable-releases-are-enabled-for-a-repository")
    return json_reply({"enabled": True, "enforced_by_owner": False})


@route("GET", "/attestations/{digest}", needs="attestations=read", query=("before", "after", "predicate_type"))
def attestations(_: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/repos/attestations#list-attestations (the sandbox signs nothing)."""
    if not call.params["digest"].startswith("sha256:"):
        raise error(400, "Invalid subject digest")
    return json_reply({"attestations": []})
