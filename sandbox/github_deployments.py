"""REST endpoints of environments, and of the reviews that runs wait for."""

from __future__ import annotations

from sandbox import github_views as views
from sandbox.context import Context
from sandbox.environments import environments, reviewers_of
from sandbox.github_actions import find_run
from sandbox.github_api import invalid, is_authenticated, not_found, page_of, route
from sandbox.runner import update_run
from sandbox.serving import Call, Reply, json_reply
from sandbox.state import JSON, now


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


def _waiting_environments(run: JSON) -> list[str]:
    return sorted({job["waiting_for"] for job in run["jobs"] if job["waiting_for"] and job["status"] == "waiting"})


@route("GET", "/actions/runs/{run_id}/pending_deployments", needs="actions=read")
def pending_deployments(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#get-pending-deployments-for-a-workflow-run."""
    run = find_run(context, call)
    return json_reply([_pending(context, name, call) for name in _waiting_environments(run)])


def _pending(context: Context, name: str, call: Call) -> JSON:
    shown = views.environment(context, name, environments(context)[name])
    reviewers = [{"type": "User", "reviewer": views.user(context, login)} for login in reviewers_of(context, name)]
    return {
        "environment": {key: shown[key] for key in ("id", "node_id", "name", "url", "html_url")},
        "wait_timer": environments(context)[name]["wait_timer"],
        "wait_timer_started_at": None,
        "current_user_can_approve": is_authenticated(call) and _may_review(context, name),
        "reviewers": reviewers,
    }


def _may_review(context: Context, name: str) -> bool:
    entry, login = environments(context)[name], context.settings["login"]
    return login in entry["reviewers"] and not entry["prevent_self_review"]


@route("POST", "/actions/runs/{run_id}/pending_deployments", needs="deployments=write",
       body=("environment_ids", "state", "comment"))  # fmt: skip
def review_deployments(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#review-pending-deployments-for-a-workflow-run."""
    run, body = find_run(context, call), call.json()
    if {"environment_ids", "state", "comment"} - set(body) or body["state"] not in ("approved", "rejected"):
        raise invalid("Invalid request.\n\nenvironment_ids, state and comment are required.")
    names = [n for n in _waiting_environments(run) if environments(context)[n]["id"] in body["environment_ids"]]
    if not names or not all(_may_review(context, name) for name in names):
        raise invalid("Not all environments can be reviewed by this user, or none is waiting")
    review(context, run["id"], names, str(body["state"]), str(body["comment"]))
    deployments = [_deployment(context, run, name) for name in names]
    return json_reply(deployments, 200, changed=f"{body['state']} deployment of run {run['id']}")


def review(context: Context, run_id: int, names: list[str], state: str, comment: str) -> None:
    """Record a reviewer's answer for the waiting environments of a run."""

    def change(run: JSON) -> None:
        for name in names:
            given = {"environment": name, "state": state, "comment": comment, "run_attempt": run["run_attempt"]}
            run["approvals"].append({**given, "user": context.settings["login"]})
        run["status"] = "queued"

    update_run(context, run_id, change)


def _deployment(context: Context, run: JSON, name: str) -> JSON:
    number = environments(context)[name]["id"]
    url = f"{context.api}/deployments/{number}"
    body = {
        "url": url,
        "id": number,
        "node_id": views.node_id("DE", number),
        "sha": run["head_sha"],
        "ref": run["head_branch"],
    }
    body |= {
        "task": "deploy",
        "payload": {},
        "environment": name,
        "description": None,
        "created_at": now(),
        "updated_at": now(),
    }
    body |= {"creator": views.user(context, context.settings["login"]), "statuses_url": f"{url}/statuses"}
    return {**body, "original_environment": name, "repository_url": context.api}


@route("GET", "/actions/runs/{run_id}/approvals", needs="actions=read")
def approvals(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#get-the-review-history-for-a-workflow-run."""
    keys = ("id", "node_id", "name", "url", "html_url", "created_at", "updated_at")
    history = []
    for given in find_run(context, call)["approvals"]:
        shown = views.environment(context, given["environment"], environments(context)[given["environment"]])
        person = views.user(context, given["user"])
        entry = {"environments": [{k: shown[k] for k in keys}], "user": person}
        history.append({**entry, "state": given["state"], "comment": given["comment"]})
    return json_reply(history)
