"""GitHub Actions: workflow runs, their jobs and logs observed, and the single acts on them.

Polls may pass a `memory`, which makes their requests conditional. Nothing here waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from clients import github_api, http
from clients.github_api import Memory
from clients.hosts import check_named
from lockgate.errors import unavailable
from lockgate.github import GitHub, Job, PendingDeployment, Run, workflow_file
from lockgate.publish_logs import NoLogs

GONE = {404: "GitHub has no logs of this run (404)", 410: "GitHub keeps the logs of this run no longer (410)"}
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class _Named:
    """Part of an answer: a user has a login, a team or an environment a name."""

    id: int
    name: str | None = None
    login: str | None = None
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class _Reviewer:
    """Part of an answer: docs.github.com/en/rest/actions/workflow-runs#get-pending-deployments-for-a-workflow-run."""

    type: str
    reviewer: _Named


@dataclass(frozen=True, slots=True)
class _Pending:
    """One entry of that answer; `wait_timer` is in minutes."""

    environment: _Named
    reviewers: tuple[_Reviewer, ...] = ()
    current_user_can_approve: bool = False
    wait_timer: int | None = 0


def list_runs(hub: GitHub, workflow: str, memory: Memory | None = None) -> tuple[Run, ...]:
    """The latest 100 runs of a workflow file, newest first; empty when GitHub does not know the file.

    Unfiltered, since GitHub's filters are known to miss fresh runs for a long time.
    docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow
    """
    what = f"listing the runs of {workflow!r}"
    path = github_api.path_of(hub, "actions", "workflows", workflow_file(workflow), "runs")
    data = github_api.observe(hub, path, what=what, query={"per_page": github_api.PAGE}, memory=memory)
    return () if data is None else github_api.read_as(tuple[Run, ...], _entries(data, "workflow_runs"), what)


def read_run(hub: GitHub, run_id: int, memory: Memory | None = None) -> Run | None:
    """One run as it is now; None when it was deleted.

    docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
    """
    what = f"reading workflow run {run_id}"
    data = github_api.observe(hub, github_api.path_of(hub, "actions", "runs", run_id), what=what, memory=memory)
    return None if data is None else github_api.read_as(Run, data, what)


def list_jobs(hub: GitHub, run: Run) -> tuple[Job, ...]:
    """The jobs of a run's latest attempt.

    docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run
    """
    what = f"listing the jobs of workflow run {run.id}"
    path = github_api.path_of(hub, "actions", "runs", run.id, "jobs")
    jobs = github_api.observe_pages(hub, path, what=what, key="jobs", query={"filter": "latest"})
    return github_api.read_as(tuple[Job, ...], jobs, what)


def list_pending_deployments(hub: GitHub, run: Run) -> tuple[PendingDeployment, ...]:
    """The environments that a run waits for, with who may approve; empty when it waits for none.

    docs.github.com/en/rest/actions/workflow-runs#get-pending-deployments-for-a-workflow-run
    """
    what = f"reading what workflow run {run.id} waits for"
    path = github_api.path_of(hub, "actions", "runs", run.id, "pending_deployments")
    data = github_api.observe(hub, path, what=what)
    return tuple(map(_pending, github_api.read_as(tuple[_Pending, ...], data or (), what)))


def download_logs(hub: GitHub, run: Run, destination: Path, limit_bytes: int) -> http.Download | NoLogs:
    """The zip of the logs of a run's attempt, streamed into a file; or that there are none, or none any more.

    GitHub answers with a link to another host that is valid for one minute; it is followed by hand, without the token
    or any other header of ours. Raises RefusedError over the limit, UnavailableError when the link does not work.
    docs.github.com/en/rest/actions/workflow-runs#download-workflow-run-attempt-logs
    """
    what = f"fetching the logs of workflow run {run.id}, attempt {run.run_attempt}"
    path = github_api.path_of(hub, "actions", "runs", run.id, "attempts", run.run_attempt, "logs")
    with github_api.opener(hub) as client:
        response = http.send(client, "GET", path, what=what)
    if response.status_code in GONE:
        return NoLogs(GONE[response.status_code])
    if response.status_code not in REDIRECTS:
        http.translate(response, what)
    link = _signed_link(response, what)
    with http.client() as anonymous:
        found = http.download(anonymous, link, destination, what=what, limit_bytes=limit_bytes, gone=(400, 403, 404))
    if found is None:
        raise unavailable(f"While {what}, the link that GitHub gave did not work", "the archive", http.TRY_AGAIN)
    return found


def cancel(hub: GitHub, run: Run) -> bool:
    """Ask GitHub to end a run; False when it answers that the run is over. The end itself comes some seconds later.

    docs.github.com/en/rest/actions/workflow-runs#cancel-a-workflow-run
    """
    path, what = github_api.path_of(hub, "actions", "runs", run.id, "cancel"), f"cancelling workflow run {run.id}"
    with github_api.opener(hub) as client:
        response = http.send(client, "POST", path, what=what)
    if response.status_code == httpx.codes.CONFLICT:
        return False
    if response.status_code != httpx.codes.ACCEPTED:
        http.translate(response, what)
    return True


def rerun_failed(hub: GitHub, run: Run) -> None:
    """Start the failed jobs of a run again; it keeps its id, and `run_attempt` grows.

    Raises RefusedError with GitHub's words while the run is still going, or when it is too old (30 days).
    docs.github.com/en/rest/actions/workflow-runs#re-run-failed-jobs-from-a-workflow-run
    """
    path = github_api.path_of(hub, "actions", "runs", run.id, "rerun-failed-jobs")
    github_api.act(hub, "POST", path, what=f"re-running the failed jobs of workflow run {run.id}", expected={201})


def dispatch(hub: GitHub, workflow: str, ref: str, inputs: Mapping[str, str] | None = None) -> int | None:
    """Start a workflow by hand for a ref; gives the run's id where GitHub tells it.

    Raises RefusedError with GitHub's words when the workflow has no workflow_dispatch trigger or is disabled.
    docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
    """
    what = f"starting {workflow!r} for {ref!r}"
    path = github_api.path_of(hub, "actions", "workflows", workflow_file(workflow), "dispatches")
    body = {"ref": ref, "inputs": dict(inputs or {}), "return_run_details": True}
    data = github_api.act(hub, "POST", path, what=what, expected={200, 204}, body=body)
    found = data.get("workflow_run_id") if isinstance(data, dict) else None
    return found if isinstance(found, int) else None


def _entries(data: object, key: str) -> object:
    return data.get(key) if isinstance(data, dict) else data


def _pending(found: _Pending) -> PendingDeployment:
    return PendingDeployment(
        environment=found.environment.name or "",
        environment_id=found.environment.id,
        reviewers=tuple(one.reviewer.login or one.reviewer.name or one.reviewer.slug or "" for one in found.reviewers),
        current_user_can_approve=found.current_user_can_approve,
        wait_minutes=found.wait_timer or 0,
    )


def _signed_link(response: httpx.Response, what: str) -> str:
    """The link of the answer; an unencrypted one only from an API that is unencrypted itself (this machine)."""
    asked = response.request.url
    try:
        link = str(asked.join(response.headers.get("location", "")))
    except httpx.InvalidURL:
        link = ""
    return check_named(link, str(asked), what)
