"""REST endpoints of git objects: refs, tags, commits and their checks, comparisons."""

from __future__ import annotations

import time

from sandbox import github_views as views
from sandbox.context import Context
from sandbox.events import after_push, broken_rules
from sandbox.github_api import invalid, not_found, page_of, route
from sandbox.serving import Call, Reply, json_reply
from sandbox.state import JSON, now


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
    return page_of(
        context, call, [_ref(context, n, s) for n, s in context.origin.refs().items() if n.startswith(prefix)]
    )


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
        raise invalid(f'Invalid request.\n\n"{missing[0]}" wasn\'t supplied.')
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
    fields = dict(line.split(" ", 1) for line in head.split("\n"))
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
    listed = context.origin.git("rev-list", "--reverse", f"{base}..{head}").split("\n")
    commits = [commit for commit in listed if commit]
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
    html = f"{context.web}/{context.slug}"
    links = {"blob_url": f"{html}/blob/HEAD/{path}", "raw_url": f"{html}/raw/HEAD/{path}"}
    links |= {"contents_url": f"{context.api}/contents/{path}"}
    counts = {"additions": 1, "deletions": 0, "changes": 1}
    return {"sha": None, "filename": path, "status": "modified", **counts, **links}


@route("GET", "/commits/{ref:path}/check-runs", needs="checks=read", query=("check_name", "status", "filter", "app_id"))
def check_runs(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference (no fine-grained permission)."""
    sha, wanted = _commit(context, call), call.query
    names = {"check_name": "name", "status": "status"}
    found = [
        check
        for check in _checks(context, sha)
        if all(check[names[key]] == wanted[key] for key in names if key in wanted)
    ]
    return page_of(context, call, found, "check_runs")


def _checks(context: Context, sha: str) -> list[JSON]:
    """The jobs of the commit's runs, each a check of GitHub Actions, and the checks of other apps."""
    runs = [run for run in context.state.all("github/runs") if run["head_sha"] == sha]
    found = [_check(context, sha, job["id"], job["name"], job) for run in runs for job in run["jobs"]]
    others = [check for check in context.repository.get("checks", []) if check["commit"] == sha]
    ended = {"status": "completed", "started_at": now(), "completed_at": now()}
    return found + [_check(context, sha, n + 1, one["name"], {**one, **ended}) for n, one in enumerate(others)]


def _check(context: Context, sha: str, number: int, name: str, state: JSON) -> JSON:
    url = f"{context.api}/check-runs/{number}"
    output = {
        "title": None,
        "summary": None,
        "text": None,
        "annotations_count": 0,
        "annotations_url": f"{url}/annotations",
    }
    times = {key: state[key] for key in ("status", "conclusion", "started_at", "completed_at")}
    html = f"{context.web}/{context.slug}/runs/{number}"
    body = {"id": number, "head_sha": sha, "node_id": views.node_id("CR", number), "external_id": "", "url": url}
    body |= {"html_url": html, "details_url": html, "output": output, "name": name, "check_suite": None, "app": None}
    return {**body, **times, "pull_requests": []}


@route("GET", "/commits/{ref:path}/status", needs="statuses=read")
def combined_status(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference."""
    sha = _commit(context, call)
    url = f"{context.api}/commits/{sha}"
    checks = [check for check in context.repository.get("checks", []) if check["commit"] == sha]
    failed = [check for check in checks if check["conclusion"] != "success"]
    state = "failure" if failed else "success" if checks else "pending"
    statuses = [_status(context, sha, number, check) for number, check in enumerate(checks)]
    body = {"state": state, "statuses": statuses, "sha": sha, "total_count": len(statuses)}
    return json_reply(
        {**body, "repository": views.minimal_repository(context), "commit_url": url, "url": f"{url}/status"}
    )


def _status(context: Context, sha: str, number: int, check: JSON) -> JSON:
    state = "success" if check["conclusion"] == "success" else "failure"
    body = {
        "url": f"{context.api}/statuses/{sha}",
        "avatar_url": None,
        "id": number + 1,
        "node_id": "SC",
        "state": state,
    }
    times = {"created_at": context.repository["created_at"], "updated_at": context.repository["created_at"]}
    return {**body, "description": None, "target_url": None, "context": check["name"], **times}


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
