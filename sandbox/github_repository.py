"""REST endpoints of the repository itself: refs, tags, commits, rules, environments, immutability, limits, people."""

from __future__ import annotations

import time

from sandbox import github_views as views
from sandbox.context import Context
from sandbox.environments import environments
from sandbox.events import after_push, broken_rules
from sandbox.github_api import HOURLY_LIMIT, error, invalid, is_authenticated, not_found, page_of, route
from sandbox.serving import Call, Reply, json_reply
from sandbox.state import JSON, now


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
def rate_limit(_: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/rate-limit/rate-limit (`rate` only in the older API version)."""
    limit = HOURLY_LIMIT if is_authenticated(call) else 60
    one = {"limit": limit, "used": 1, "remaining": limit - 1, "reset": (int(time.time()) // 3600 + 1) * 3600}
    one["resource"] = "core"
    old = call.headers.get("x-github-api-version", "2022-11-28") == "2022-11-28"
    return json_reply({"resources": {"core": one, "search": one, "graphql": one}, **({"rate": one} if old else {})})


def _ref(context: Context, name: str, sha: str) -> JSON:
    kind = context.origin.object_type(sha)
    target = {"type": kind, "sha": sha, "url": f"{context.api}/git/{kind}s/{sha}"}
    url = f"{context.api}/git/{name}"
    return {"ref": name, "node_id": views.node_id("REF", len(name)), "url": url, "object": target}


@route("GET", "/git/ref/{ref:path}", needs="contents=read")
def get_ref(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/git/refs#get-a-reference."""
    name = f"refs/{call.params['ref']}"
    refs = context.origin.refs()
    if name not in refs:
        raise not_found("/git/refs#get-a-reference")
    return json_reply(_ref(context, name, refs[name]))


@route("GET", "/git/matching-refs/{ref:path}", needs="contents=read")
def matching_refs(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/git/refs#list-matching-references (by prefix)."""
    prefix = f"refs/{call.params['ref']}"
    return page_of(context, call, [_ref(context, n, s) for n, s in context.origin.refs().items() if n.startswith(prefix)])


@route("GET", "/tags")
def list_tags(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/repos/repos#list-repository-tags."""
    tags = [name[10:] for name in context.origin.refs() if name.startswith("refs/tags/")]
    return page_of(context, call, [_tag_line(context, tag) for tag in reversed(tags)])


def _tag_line(context: Context, tag: str) -> JSON:
    sha = context.origin.commit_of(f"refs/tags/{tag}")
    archives = {f"{kind}_url": f"{context.api}/{kind}/refs/tags/{tag}" for kind in ("zipball", "tarball")}
    commit = {"sha": sha, "url": f"{context.api}/commits/{sha}"}
    return {"name": tag, "commit": commit, "node_id": views.node_id("REF", len(tag)), **archives}


@route("POST", "/git/refs", needs="contents=write", body=("ref", "sha"))
def post_ref(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/git/refs#create-a-reference."""
    body = call.json()
    name, sha = str(body.get("ref", "")), str(body.get("sha", ""))
    if not name.startswith("refs/") or name.count("/") < 2:
        raise invalid("Reference name must start with 'refs/' and contain at least two slashes.")
    if context.origin.object_type(sha) not in ("commit", "tag"):
        raise invalid("Object does not exist")
    if name in context.origin.refs():
        raise invalid("Reference already exists")
    broken = broken_rules(context, name, "creation")
    if broken:
        raise invalid("Repository rule violations found\n\n" + "\n".join(broken))
    before = context.origin.refs()
    context.origin.git("update-ref", name, sha, "0" * 40)
    after_push(context, before, context.origin.refs())
    body = _ref(context, name, sha)
    return json_reply(body, 201, headers={"location": body["url"]}, changed=f"created {name}")


@route("POST", "/git/tags", needs="contents=write", body=("tag", "message", "object", "type", "tagger"))
def post_tag(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/git/tags#create-a-tag-object (makes the object only)."""
    body = call.json()
    missing = [key for key in ("tag", "message", "object", "type") if key not in body]
    if missing:
        raise invalid(f"Invalid request.\n\n\"{missing[0]}\" wasn't supplied.")
    if context.origin.object_type(str(body["object"])) != body["type"]:
        raise invalid("Object does not exist")
    tagger = body.get("tagger") or {"name": context.owner, "email": "owner@example.com"}
    head = f"object {body['object']}\ntype {body['type']}\ntag {body['tag']}\n"
    text = f"{head}tagger {tagger['name']} <{tagger['email']}> {int(time.time())} +0000\n\n{body['message']}\n"
    sha = context.origin.git("hash-object", "-t", "tag", "-w", "--stdin", text=text)
    return json_reply(_tag(context, sha), 201, changed=f"created tag object {body['tag']}")


@route("GET", "/git/tags/{sha}", needs="contents=read")
def get_tag(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/git/tags#get-a-tag."""
    if context.origin.object_type(call.params["sha"]) != "tag":
        raise not_found("/git/tags#get-a-tag")
    return json_reply(_tag(context, call.params["sha"]))


def _tag(context: Context, sha: str) -> JSON:
    head, _, message = context.origin.git("cat-file", "-p", sha).partition("\n\n")
    fields = dict(line.split(" ", 1) for line in head.splitlines())
    person, _, _ = fields["tagger"].rpartition("> ")
    name, _, email = person.partition(" <")
    kind = fields["type"]
    signed = "-----BEGIN" in message
    unsigned = {"verified": False, "reason": "unknown_key" if signed else "unsigned", "verified_at": None}
    return {
        "node_id": views.node_id("TA", 1),
        "tag": fields["tag"],
        "sha": sha,
        "url": f"{context.api}/git/tags/{sha}",
        "message": message,
        "tagger": {"name": name, "email": email, "date": now()},
        "object": {"sha": fields["object"], "type": kind, "url": f"{context.api}/git/{kind}s/{fields['object']}"},
        "verification": {**unsigned, "signature": None, "payload": None},
    }


@route("GET", "/compare/{basehead:path}", needs="contents=read")
def compare(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/commits/commits#compare-two-commits."""
    names = call.params["basehead"].split("...")
    found = [context.origin.find_commit(name) for name in names]
    if len(found) != 2 or found[0] is None or found[1] is None:
        raise not_found("/commits/commits#compare-two-commits")
    base, head = found[0], found[1]
    behind, ahead = context.origin.git("rev-list", "--left-right", "--count", f"{base}...{head}").split()
    commits = context.origin.git("rev-list", "--reverse", f"{base}..{head}").splitlines()
    merge_base = context.origin.git("merge-base", base, head)
    word = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    html = f"{context.web}/{context.slug}/compare/{base}...{head}"
    return json_reply({
        "url": f"{context.api}/compare/{base}...{head}",
        "html_url": html, "permalink_url": html, "diff_url": f"{html}.diff", "patch_url": f"{html}.patch",
        "base_commit": views.commit(context, base),
        "merge_base_commit": views.commit(context, merge_base),
        "status": word.get((ahead != "0", behind != "0"), "diverged"),
        "ahead_by": int(ahead), "behind_by": int(behind), "total_commits": len(commits),
        "commits": [views.commit(context, sha) for sha in commits[:250]],
        "files": [_file(context, path) for path in context.origin.changed_files(merge_base, head)],
    })  # fmt: skip


def _file(context: Context, path: str) -> JSON:
    links = {"blob_url": f"{context.web}/{context.slug}/blob/HEAD/{path}", "raw_url": f"{context.web}/{context.slug}/raw/{path}"}
    counts = {"additions": 1, "deletions": 0, "changes": 1}
    return {"sha": None, "filename": path, "status": "modified", **counts, **links, "contents_url": f"{context.api}/contents/{path}"}


@route("GET", "/commits/{ref:path}/check-runs", needs="checks=read", query=("check_name", "status", "filter", "app_id"))
def check_runs(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference (no fine-grained permission)."""
    _commit(context, call)
    return page_of(context, call, [], "check_runs")


@route("GET", "/commits/{ref:path}/status", needs="statuses=read")
def combined_status(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference."""
    sha = _commit(context, call)
    url = f"{context.api}/commits/{sha}"
    body = {"state": "pending", "statuses": [], "sha": sha, "total_count": 0}
    return json_reply({**body, "repository": views.minimal_repository(context), "commit_url": url, "url": f"{url}/status"})


@route("GET", "/commits/{ref:path}", needs="contents=read")
def get_commit(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/commits/commits#get-a-commit."""
    sha = _commit(context, call)
    stats = {"additions": 0, "deletions": 0, "total": 0}
    return json_reply({**views.commit(context, sha), "stats": stats, "files": []})


def _commit(context: Context, call: Call) -> str:
    sha = context.origin.find_commit(call.params["ref"])
    if sha is None:
        raise invalid(f"No commit found for SHA: {call.params['ref']}")
    return sha


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


@route("GET", "/environments", needs="actions=read")
def list_environments(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/deployments/environments#list-environments."""
    found = [views.environment(context, name, entry) for name, entry in environments(context).items()]
    return page_of(context, call, found, "environments")


@route("GET", "/environments/{name}", needs="actions=read")
def get_environment(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/deployments/environments#get-an-environment."""
    return json_reply(views.environment(context, call.params["name"], _environment(context, call)))


def _environment(context: Context, call: Call) -> JSON:
    if call.params["name"] not in environments(context):
        raise not_found("/deployments/environments#get-an-environment")
    entry: JSON = environments(context)[call.params["name"]]
    return entry


@route("GET", "/environments/{name}/deployment-branch-policies", needs="actions=read")
def branch_policies(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/deployments/branch-policies#list-deployment-branch-policies."""
    entry = _environment(context, call)
    policies = entry["policies"] if isinstance(entry["policies"], list) else []
    shown = [{"id": number + 1, "node_id": "P", **policy} for number, policy in enumerate(policies)]
    return page_of(context, call, shown, "branch_policies")


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
