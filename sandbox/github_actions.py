"""REST endpoints of GitHub Actions: workflows, runs, jobs, logs, reviews."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sandbox import github_views as views
from sandbox.context import Context
from sandbox.events import WORKFLOWS, run_file, start_run, workflow_entry, workflow_files
from sandbox.github_api import error, invalid, not_found, page_of, require_login, route
from sandbox.run_logs import job_log, log_archive_path
from sandbox.runner import rerun_failed, update_run
from sandbox.serving import Call, Reply, json_reply
from sandbox.state import JSON, write_atomically
from sandbox.storage import signed_link
from sandbox.workflows import BrokenWorkflowError, Event, file_name, matches, parse_workflow

RUN_FILTERS = ("actor", "branch", "event", "status", "created", "exclude_pull_requests", "check_suite_id", "head_sha")
NARROWING = frozenset({"actor", "branch", "event", "status", "created", "head_sha"})


def _workflows(context: Context) -> JSON:
    """The workflows of the default branch, and those that ran once, by path."""
    for path in workflow_files(context, f"refs/heads/{context.default_branch}"):
        workflow_entry(context, path)
    return context.state.read(WORKFLOWS)


def _workflow(context: Context, path: str, entry: JSON) -> JSON:
    text = context.origin.file_text(f"refs/heads/{context.default_branch}", path) or ""
    try:
        name = parse_workflow(path, text).name
    except BrokenWorkflowError:
        name = path
    return {
        "id": entry["id"],
        "node_id": views.node_id("W", entry["id"]),
        "name": name,
        "path": path,
        "state": entry["state"],
        "created_at": entry["created_at"],
        "updated_at": entry["created_at"],
        "url": f"{context.api}/actions/workflows/{entry['id']}",
        "html_url": f"{context.web}/{context.slug}/blob/{context.default_branch}/{path}",
        "badge_url": f"{context.web}/{context.slug}/workflows/{name}/badge.svg",
    }


def _find_workflow(context: Context, call: Call) -> tuple[str, JSON]:
    wanted = call.params["workflow_id"]
    for path, entry in _workflows(context).items():
        if wanted in (str(entry["id"]), file_name(path)):
            return path, entry
    raise not_found("/actions/workflows#get-a-workflow")


@route("GET", "/actions/workflows", needs="actions=read")
def list_workflows(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflows#list-repository-workflows."""
    found = [_workflow(context, path, entry) for path, entry in _workflows(context).items()]
    return page_of(context, call, found, "workflows")


@route("GET", "/actions/workflows/{workflow_id}", needs="actions=read")
def get_workflow(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflows#get-a-workflow (the file's name is taken as id)."""
    return json_reply(_workflow(context, *_find_workflow(context, call)))


@route("POST", "/actions/workflows/{workflow_id}/dispatches", needs="actions=write",
       body=("ref", "inputs", "return_run_details"))  # fmt: skip
def dispatch(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event."""
    path, entry = _find_workflow(context, call)
    body = call.json()
    short = str(body.get("ref", "")).removeprefix("refs/heads/").removeprefix("refs/tags/")
    full = next((ref for ref in (f"refs/heads/{short}", f"refs/tags/{short}") if ref in context.origin.refs()), None)
    sha = context.origin.commit_of(full) if full else None
    if full is None or sha is None:
        raise invalid(f"No ref found for: {body.get('ref')}")
    if entry["state"] != "active":
        raise error(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
    event = Event("workflow_dispatch", full, sha, inputs=body.get("inputs") or {})
    workflow = parse_workflow(path, context.origin.file_text(sha, path) or "{}")
    if not matches(workflow, event):
        raise error(422, "Workflow does not have 'workflow_dispatch' trigger")
    event = replace(event, inputs=_inputs(workflow.triggers["workflow_dispatch"].get("inputs") or {}, event.inputs))
    started = start_run(context, workflow, event)
    changed = f"dispatched {file_name(path)} on {short}"
    newer = call.headers.get("x-github-api-version", "2022-11-28") > "2022-11-28"
    if started and body.get("return_run_details", newer):
        url = f"{context.api}/actions/runs/{started[0]}"
        html = f"{context.web}/{context.slug}/actions/runs/{started[0]}"
        return json_reply({"workflow_run_id": started[0], "run_url": url, "html_url": html}, 200, changed=changed)
    return Reply(204, changed=changed)


def _inputs(declared: JSON, given: JSON) -> JSON:
    """The inputs of a dispatch with their defaults; 422 for unknown, missing and impossible ones."""
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise error(422, f"Unexpected inputs provided: {unknown}")
    values: JSON = {}
    for name, asked in declared.items():
        described = asked if isinstance(asked, dict) else {}
        if described.get("required") == "true" and name not in given and "default" not in described:
            raise error(422, f"Required input '{name}' not provided")
        values[name] = given.get(name, described.get("default", ""))
        if described.get("type") == "choice" and values[name] not in described.get("options", []):
            raise error(422, f"Provided value '{values[name]}' for input '{name}' not in the list of allowed values")
    return values


@route("GET", "/actions/workflows/{workflow_id}/runs", needs="actions=read", query=RUN_FILTERS)
def list_workflow_runs(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow."""
    _, entry = _find_workflow(context, call)
    return _runs_page(context, call, [run for run in _runs(context) if run["workflow_id"] == entry["id"]])


@route("GET", "/actions/runs", needs="actions=read", query=RUN_FILTERS)
def list_runs(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository."""
    return _runs_page(context, call, _runs(context))


def _runs(context: Context) -> list[JSON]:
    return list(reversed(context.state.all("github/runs")))


def _runs_page(context: Context, call: Call, runs: list[JSON]) -> Reply:
    if NARROWING & set(call.query):
        runs = [run for run in runs if not _is_hidden(context, run)]
    found = [
        run for run in runs if all(FILTERS[key](run, value) for key, value in call.query.items() if key in FILTERS)
    ]
    return page_of(context, call, [views.run(context, run) for run in found], "workflow_runs")


def _is_hidden(context: Context, run: JSON) -> bool:
    """Filtered lists come from a search index that may lag behind: a fault says for how many look-ups."""
    if run["hidden_lookups"] <= 0:
        return False
    update_run(context, run["id"], lambda run: run.update(hidden_lookups=run["hidden_lookups"] - 1))
    return True


def _created_in(run: JSON, span: str) -> bool:
    created = datetime.fromisoformat(run["created_at"])
    for sign, holds in ((">=", created.__ge__), ("<=", created.__le__), (">", created.__gt__), ("<", created.__lt__)):
        if span.startswith(sign):
            return bool(holds(_instant(span.removeprefix(sign))))
    start, _, end = span.partition("..")
    return (start in ("", "*") or created >= _instant(start)) and (end in ("", "*") or created <= _instant(end))


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace(" ", "+"))
    return moment if moment.tzinfo else moment.astimezone()


FILTERS: dict[str, Callable[[JSON, str], bool]] = {
    "branch": lambda run, value: bool(run["head_branch"] == value),
    "event": lambda run, value: bool(run["event"] == value),
    "status": lambda run, value: value in (run["status"], run["conclusion"]),
    "head_sha": lambda run, value: bool(run["head_sha"] == value),
    "created": _created_in,
}


def find_run(context: Context, call: Call) -> JSON:
    """The run of the path; 404 when there is none."""
    run_id = call.params["run_id"]
    run = context.state.read(run_file(int(run_id))) if run_id.isdigit() else {}
    if not run:
        raise not_found("/actions/workflow-runs#get-a-workflow-run")
    return run


def _attempt(run: JSON, number: str) -> JSON:
    """The run as it was in one attempt."""
    if number == str(run["run_attempt"]):
        return run
    found = [attempt for attempt in run["attempts"] if str(attempt["run_attempt"]) == number]
    if not found:
        raise not_found("/actions/workflow-runs#get-a-workflow-run-attempt")
    return {**run, **found[0], "status": "completed"}


@route("GET", "/actions/runs/{run_id}", needs="actions=read", query=("exclude_pull_requests",))
def get_run(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run."""
    return json_reply(views.run(context, find_run(context, call)))


@route("GET", "/actions/runs/{run_id}/attempts/{attempt}", needs="actions=read", query=("exclude_pull_requests",))
def get_attempt(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run-attempt."""
    return json_reply(views.run(context, _attempt(find_run(context, call), call.params["attempt"])))


@route("GET", "/actions/runs/{run_id}/jobs", needs="actions=read", query=("filter",))
def list_jobs(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run."""
    run = find_run(context, call)
    jobs = list(run["jobs"])
    if call.query.get("filter") == "all":
        jobs = [job for attempt in run["attempts"] for job in attempt["jobs"]] + jobs
    return page_of(context, call, [views.job(context, run, job) for job in jobs], "jobs")


@route("GET", "/actions/runs/{run_id}/attempts/{attempt}/jobs", needs="actions=read")
def list_attempt_jobs(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run-attempt."""
    run = _attempt(find_run(context, call), call.params["attempt"])
    return page_of(context, call, [views.job(context, run, job) for job in run["jobs"]], "jobs")


@route("GET", "/actions/runs/{run_id}/logs", needs="actions=read")
def run_logs(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#download-workflow-run-logs."""
    require_login(call)
    run = find_run(context, call)
    return _log_redirect(context, run, run["run_attempt"])


@route("GET", "/actions/runs/{run_id}/attempts/{attempt}/logs", needs="actions=read")
def attempt_logs(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#download-workflow-run-attempt-logs."""
    require_login(call)
    run = _attempt(find_run(context, call), call.params["attempt"])
    return _log_redirect(context, run, int(call.params["attempt"]))


def _log_redirect(context: Context, run: JSON, attempt: int) -> Reply:
    path = log_archive_path(context, run["id"], attempt)
    if run.get("logs_expired"):
        raise error(410, "Server Error", "/actions/workflow-runs#download-workflow-run-logs")
    if not path.exists():
        raise not_found("/actions/workflow-runs#download-workflow-run-logs")
    return Reply(302, headers={"location": signed_link(context, path, f"logs_{run['id']}.zip")})


def _find_job(context: Context, call: Call) -> tuple[JSON, JSON]:
    for run in _runs(context):
        for job in [*run["jobs"], *(job for attempt in run["attempts"] for job in attempt["jobs"])]:
            if str(job["id"]) == call.params["job_id"]:
                return run, job
    raise not_found("/actions/workflow-jobs#get-a-job-for-a-workflow-run")


@route("GET", "/actions/jobs/{job_id}", needs="actions=read")
def get_job(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-jobs#get-a-job-for-a-workflow-run."""
    return json_reply(views.job(context, *_find_job(context, call)))


@route("GET", "/actions/jobs/{job_id}/logs", needs="actions=read")
def get_job_log(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run."""
    require_login(call)
    run, job = _find_job(context, call)
    if run.get("logs_expired"):
        raise error(410, "Server Error", "/actions/workflow-jobs#download-job-logs-for-a-workflow-run")
    if not job["steps"] or job["status"] != "completed":
        raise not_found("/actions/workflow-jobs#download-job-logs-for-a-workflow-run")
    path = context.state.folder / f"github/logs/job-{job['id']}.txt"
    write_atomically(path, job_log(job).encode())
    return Reply(302, headers={"location": signed_link(context, path, path.name)})


@route("POST", "/actions/runs/{run_id}/rerun-failed-jobs", needs="actions=write", body=("enable_debug_logging",))
def rerun_failed_jobs(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#re-run-failed-jobs-from-a-workflow-run."""
    return _rerun(context, call, everything=False)


@route("POST", "/actions/runs/{run_id}/rerun", needs="actions=write", body=("enable_debug_logging",))
def rerun(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#re-run-a-workflow."""
    return _rerun(context, call, everything=True)


def _rerun(context: Context, call: Call, *, everything: bool) -> Reply:
    run = find_run(context, call)
    if run["status"] != "completed":
        raise error(403, "This workflow is already running")
    if run.get("broken"):
        raise error(403, "This workflow run cannot be retried; the workflow file may be broken")
    rerun_failed(context, run["id"], everything=everything)
    return json_reply({}, 201, changed=f"rerun of run {run['id']}")


@route("POST", "/actions/runs/{run_id}/cancel", needs="actions=write")
def cancel(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/workflow-runs#cancel-a-workflow-run."""
    run = find_run(context, call)
    if run["status"] == "completed":
        raise error(409, "Cannot cancel a workflow run that is completed.")
    update_run(context, run["id"], lambda run: run.update(cancel_requested=True, status="in_progress"))
    return json_reply({}, 202, changed=f"cancelled run {run['id']}")


@route("GET", "/actions/runs/{run_id}/artifacts", needs="actions=read", query=("name", "direction"))
def artifacts(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/artifacts#list-workflow-run-artifacts."""
    run = find_run(context, call)
    kept = context.state.read("github/artifacts.json").get(str(run["id"]), [])
    wanted = [one for one in kept if call.query.get("name", one["name"]) == one["name"]]
    return page_of(context, call, [_artifact(context, run, one) for one in wanted], "artifacts")


def _artifact(context: Context, run: JSON, one: JSON) -> JSON:
    url = f"{context.api}/actions/artifacts/{one['id']}"
    times = {"created_at": one["created_at"], "updated_at": one["created_at"], "expires_at": one["created_at"]}
    origin = {
        "id": run["id"],
        "repository_id": 500_001,
        "head_repository_id": 500_001,
        "head_branch": run["head_branch"],
    }
    body = {
        "id": one["id"],
        "node_id": views.node_id("AR", one["id"]),
        "name": one["name"],
        "size_in_bytes": 1,
        "url": url,
    }
    body |= {"archive_download_url": f"{url}/zip", "expired": False, "digest": None}
    return {**body, **times, "workflow_run": {**origin, "head_sha": run["head_sha"]}}


@route("GET", "/actions/permissions/artifact-and-log-retention", needs="administration=read")
def retention(context: Context, _: Call) -> Reply:
    """https://docs.github.com/en/rest/actions/permissions (artifact and log retention of a repository)."""
    return json_reply({"days": int(context.repository.get("retention_days", 90)), "maximum_allowed_days": 400})
