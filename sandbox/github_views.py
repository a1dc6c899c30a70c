"""The JSON bodies of GitHub's answers, built from the sandbox's state. Shapes: GitHub's OpenAPI description."""

from __future__ import annotations

import base64

from sandbox.context import Context
from sandbox.state import JSON

USER_LINKS = {
    "followers_url": "followers", "following_url": "following{/other_user}", "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}", "subscriptions_url": "subscriptions", "organizations_url": "orgs",
    "repos_url": "repos", "events_url": "events{/privacy}", "received_events_url": "received_events",
}  # fmt: skip
REPOSITORY_LINKS = {
    "archive_url": "{archive_format}{/ref}", "assignees_url": "assignees{/user}", "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}", "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}", "commits_url": "commits{/sha}", "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}", "contributors_url": "contributors", "deployments_url": "deployments",
    "downloads_url": "downloads", "events_url": "events", "forks_url": "forks", "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}", "git_tags_url": "git/tags{/sha}", "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}", "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}", "keys_url": "keys{/key_id}", "labels_url": "labels{/name}",
    "languages_url": "languages", "merges_url": "merges", "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}", "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}", "stargazers_url": "stargazers", "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers", "subscription_url": "subscription", "tags_url": "tags", "teams_url": "teams",
    "trees_url": "git/trees{/sha}",
}  # fmt: skip
SETTINGS = {
    "has_issues": True, "has_projects": True, "has_wiki": True, "has_pages": False, "has_discussions": False,
    "forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "open_issues_count": 0, "forks": 0, "watchers": 0,
    "open_issues": 0, "subscribers_count": 0, "network_count": 0, "size": 1, "allow_forking": True, "is_template": False,
    "topics": [], "license": None, "language": "Python", "homepage": None, "mirror_url": None, "disabled": False,
    "allow_rebase_merge": True, "allow_squash_merge": True, "allow_merge_commit": True, "web_commit_signoff_required": False,
}  # fmt: skip


def node_id(kind: str, number: int) -> str:
    """A made-up global node id."""
    return base64.urlsafe_b64encode(f"{kind}:{number}".encode()).decode().rstrip("=")


def user(context: Context, login: str, kind: str = "User") -> JSON:
    """A simple user."""
    number = sum(login.encode()) + 1000
    api = f"{context.web}/api/v3/users/{login}"
    body = {"login": login, "id": number, "node_id": node_id("U", number), "avatar_url": f"{context.web}/{login}.png"}
    body |= {"gravatar_id": "", "url": api, "html_url": f"{context.web}/{login}", "type": kind, "site_admin": False}
    return body | {name: f"{api}/{path}" for name, path in USER_LINKS.items()}


def minimal_repository(context: Context) -> JSON:
    """The repository as it appears inside other answers."""
    number = 500_001
    body = {
        "id": number,
        "node_id": node_id("R", number),
        "name": context.name,
        "full_name": context.slug,
        "owner": user(context, context.owner),
        "private": bool(context.repository.get("private")),
        "html_url": f"{context.web}/{context.slug}",
        "description": None,
        "fork": False,
        "url": context.api,
    }
    return body | {name: f"{context.api}/{path}" for name, path in REPOSITORY_LINKS.items()}


def full_repository(context: Context, *, authenticated: bool) -> JSON:
    """The repository's own answer; `permissions` only for who is known."""
    settings = context.repository
    html = f"{context.web}/{context.slug}"
    body = {**minimal_repository(context), **SETTINGS, "default_branch": context.default_branch}
    body |= {
        "git_url": f"git:{html[5:]}.git",
        "ssh_url": f"git@localhost:{context.slug}.git",
        "clone_url": f"{html}.git",
    }
    body |= {"svn_url": html, "archived": bool(settings.get("archived"))}
    body |= {"visibility": "private" if settings.get("private") else "public", "created_at": settings["created_at"]}
    body |= {"updated_at": settings["created_at"], "pushed_at": settings["created_at"]}
    if authenticated:
        push = context.permission("push") == "true"
        admin = context.permission("admin") == "true"
        body["permissions"] = {"admin": admin, "maintain": push, "push": push, "triage": push, "pull": True}
    return body


def release(context: Context, entry: JSON) -> JSON:
    """A release; a draft has an untagged address, and its time is that of the commit."""
    url = f"{context.api}/releases/{entry['id']}"
    tag = f"untagged-{entry['untagged']}" if entry["draft"] else entry["tag_name"]
    upload = f"{context.web}/api/uploads/repos/{context.slug}/releases/{entry['id']}/assets{{?name,label}}"
    return {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": upload,
        "html_url": f"{context.web}/{context.slug}/releases/tag/{tag}",
        "id": entry["id"],
        "author": user(context, context.settings["login"]),
        "node_id": node_id("RE", entry["id"]),
        "tag_name": entry["tag_name"],
        "target_commitish": entry["target_commitish"],
        "name": entry["name"],
        "draft": entry["draft"],
        "immutable": entry["immutable"],
        "prerelease": entry["prerelease"],
        "created_at": commit_time(context, entry),
        "updated_at": entry["updated_at"],
        "published_at": entry["published_at"],
        "assets": [asset(context, one, tag) for one in entry["assets"]],
        "tarball_url": f"{context.api}/tarball/{entry['tag_name']}" if not entry["draft"] else None,
        "zipball_url": f"{context.api}/zipball/{entry['tag_name']}" if not entry["draft"] else None,
        "body": entry["body"],
    }


def commit_time(context: Context, entry: JSON) -> str:
    """created_at of a release: the time of the commit it is about, else of its making."""
    commit = context.origin.find_commit(str(entry["tag_name"])) or context.origin.find_commit(
        str(entry["target_commitish"])
    )
    if commit is None:
        return str(entry["created_at"])
    environment = {"TZ": "UTC"}
    command = ("log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd", commit)
    return context.origin.git(*command, **environment)


def asset(context: Context, entry: JSON, tag: str) -> JSON:
    """A release asset."""
    return {
        "url": f"{context.api}/releases/assets/{entry['id']}",
        "browser_download_url": f"{context.web}/{context.slug}/releases/download/{tag}/{entry['name']}",
        "id": entry["id"],
        "node_id": node_id("RA", entry["id"]),
        "name": entry["name"],
        "label": entry["label"],
        "state": entry["state"],
        "content_type": entry["content_type"],
        "size": entry["size"],
        "digest": entry["digest"],
        "download_count": entry["downloads"],
        "created_at": entry["created_at"],
        "updated_at": entry["updated_at"],
        "uploader": user(context, context.settings["login"]),
    }


def commit(context: Context, sha: str) -> JSON:
    """A commit with its people, parents and verification."""
    fields = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
    parts = context.origin.git("log", "-1", f"--format={fields}", sha).split("\0")
    parents = [_commit_link(context, parent) for parent in parts[2].split()]
    unsigned = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
    inner = {
        "url": f"{context.api}/git/commits/{sha}",
        "author": {"name": parts[3], "email": parts[4], "date": parts[5]},
        "committer": {"name": parts[6], "email": parts[7], "date": parts[8]},
        "message": parts[9].strip(),
        "tree": {"url": f"{context.api}/git/trees/{parts[1]}", "sha": parts[1]},
        "comment_count": 0,
        "verification": unsigned,
    }
    people = {"author": user(context, context.owner), "committer": user(context, context.owner)}
    link = _commit_link(context, sha)
    comments = f"{link['url']}/comments"
    return {**link, "node_id": node_id("C", 1), "comments_url": comments, "commit": inner, **people, "parents": parents}


def _commit_link(context: Context, sha: str) -> JSON:
    return {"sha": sha, "url": f"{context.api}/commits/{sha}", "html_url": f"{context.web}/{context.slug}/commit/{sha}"}


def run(context: Context, entry: JSON, attempt: JSON | None = None) -> JSON:
    """A workflow run, or one of its earlier attempts."""
    url = f"{context.api}/actions/runs/{entry['id']}"
    shown = {**entry, **({**attempt, "status": "completed"} if attempt else {})}
    previous = shown["run_attempt"] - 1
    head = commit(context, entry["head_sha"])["commit"]
    head_commit = {"id": entry["head_sha"], "tree_id": head["tree"]["sha"], "message": head["message"]}
    head_commit |= {"timestamp": head["committer"]["date"]}
    head_commit |= {key: {k: head[key][k] for k in ("name", "email")} for key in ("author", "committer")}
    actor = user(context, context.settings["login"])
    own = ("id", "run_number", "run_attempt", "workflow_id", "path", "name", "display_title", "event", "head_branch")
    times = ("head_sha", "status", "conclusion", "created_at", "updated_at", "run_started_at")
    return {
        **{key: shown[key] for key in (*own, *times)},
        "node_id": node_id("WR", entry["id"]),
        "check_suite_id": entry["id"] + 7,
        "check_suite_node_id": node_id("CS", entry["id"]),
        "url": url,
        "html_url": f"{context.web}/{context.slug}/actions/runs/{entry['id']}",
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{context.api}/check-suites/{entry['id'] + 7}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "workflow_url": f"{context.api}/actions/workflows/{entry['workflow_id']}",
        "previous_attempt_url": f"{url}/attempts/{previous}" if previous else None,
        "pull_requests": [],
        "referenced_workflows": [],
        "head_commit": head_commit,
        "repository": minimal_repository(context),
        "head_repository": minimal_repository(context),
        "actor": actor,
        "triggering_actor": actor,
    }


def job(context: Context, entry: JSON, one: JSON) -> JSON:
    """A job of a run with its steps."""
    names = ("name", "status", "conclusion", "number", "started_at", "completed_at")
    url = f"{context.api}/actions/jobs/{one['id']}"
    own = ("id", "run_attempt", "status", "conclusion", "created_at", "started_at", "completed_at", "name", "labels")
    return {
        **{key: one[key] for key in own},
        "run_id": entry["id"],
        "workflow_name": entry["name"],
        "head_branch": entry["head_branch"],
        "run_url": f"{context.api}/actions/runs/{entry['id']}",
        "node_id": node_id("CR", one["id"]),
        "head_sha": entry["head_sha"],
        "url": url,
        "html_url": f"{context.web}/{context.slug}/actions/runs/{entry['id']}/job/{one['id']}",
        "steps": [{name: step[name] for name in names} for step in one["steps"]],
        "check_run_url": f"{context.api}/check-runs/{one['id']}",
        "runner_id": 1,
        "runner_name": "GitHub Actions 1",
        "runner_group_id": 0,
        "runner_group_name": "GitHub Actions",
    }


def environment(context: Context, name: str, entry: JSON) -> JSON:
    """An environment with its protection rules."""
    number = int(entry["id"])
    rules: list[JSON] = []
    if entry["wait_timer"]:
        rules.append({"id": number + 1, "node_id": "W", "type": "wait_timer", "wait_timer": entry["wait_timer"]})
    if entry["reviewers"]:
        people = [{"type": "User", "reviewer": user(context, login)} for login in entry["reviewers"]]
        self_review = entry["prevent_self_review"]
        rule = {"id": number + 2, "node_id": "R", "type": "required_reviewers", "reviewers": people}
        rules.append({**rule, "prevent_self_review": self_review})
    if entry["policies"] is not None:
        rules.append({"id": number + 3, "node_id": "B", "type": "branch_policy"})
    protected = entry["policies"] == "protected"
    policy = {"protected_branches": protected, "custom_branch_policies": not protected}
    return {
        "id": number,
        "node_id": node_id("EN", number),
        "name": name,
        "url": f"{context.api}/environments/{name.replace('/', '%2F')}",
        "html_url": f"{context.web}/{context.slug}/deployments/activity_log?environments_filter={name}",
        "created_at": entry["created_at"],
        "updated_at": entry["created_at"],
        "can_admins_bypass": True,
        "protection_rules": rules,
        "deployment_branch_policy": None if entry["policies"] is None else policy,
    }
