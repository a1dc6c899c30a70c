"""Deployment environments: who must review, and which refs may deploy.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/deployments-and-environments
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from sandbox.context import Context
from sandbox.state import JSON, now


def environments(context: Context) -> JSON:
    """The environments by name, as they were configured."""
    found: JSON = context.repository.get("environments", {})
    return found


def configure_environment(context: Context, name: str, **settings: object) -> None:
    """Create or change an environment: reviewers (logins), wait_timer (minutes), policies, prevent_self_review."""
    with context.state.lock:
        known = environments(context)
        fresh = {"id": context.state.next_id("environment"), "created_at": now(), "reviewers": [], "wait_timer": 0}
        fresh |= {"policies": None, "prevent_self_review": False}
        known[name] = {**(known.get(name) or fresh), **settings}
        context.update_repository(environments=known)


def reviewers_of(context: Context, name: str) -> list[str]:
    """Logins of those of whom one must approve; empty when nobody need."""
    return [str(login) for login in environments(context).get(name, {}).get("reviewers", [])]


def deployment_refusal(context: Context, name: str, ref: str) -> str:
    """GitHub's sentence when the ref may not deploy to the environment, empty when it may.

    A job that names an environment that does not exist creates it, without rules.
    """
    if name not in environments(context):
        configure_environment(context, name)
    policies = environments(context)[name]["policies"]
    if policies is None:
        return ""
    kind, short = ("tag", ref[10:]) if ref.startswith("refs/tags/") else ("branch", ref[11:])
    fitting = (
        [p for p in policies if p["type"] == kind and fnmatchcase(short, p["name"])] if policies != "protected" else []
    )
    if fitting or (policies == "protected" and kind == "branch"):
        return ""
    return f'{kind.title()} "{short}" is not allowed to deploy to {name} due to environment protection rules.'
