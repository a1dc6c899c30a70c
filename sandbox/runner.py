"""Executes workflow runs: jobs in the order of their needs, conditions, environments, publishing, logs.

Every state is written before the next one begins, so a run that was cut off is taken up again at its unfinished job.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from sandbox.conditions import is_met
from sandbox.context import Context, StoppedError
from sandbox.environments import deployment_refusal, reviewers_of
from sandbox.events import run_file
from sandbox.publishing import JobFailedError
from sandbox.run_logs import write_log_archive
from sandbox.state import JSON, now, now_exact
from sandbox.steps import run_step
from sandbox.workflows import (
    BrokenWorkflowError,
    Workflow,
    as_list,
    environment_of,
    expand,
    job_order,
    parse_workflow,
    steps_of,
)

DELAY_SECONDS = 0.02
POLL_SECONDS = 0.02


class Runner:
    """Runs workflow runs, one thread each."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._threads: dict[int, threading.Thread] = {}

    def start(self, run_id: int) -> None:
        """Execute the run in a thread of its own."""
        if self.context.stopping or not self.context.addresses:
            return
        thread = threading.Thread(target=self._execute, args=(run_id,), name=f"run-{run_id}", daemon=True)
        self._threads[run_id] = thread
        thread.start()

    def resume_all(self) -> None:
        """Take up every run that was not finished."""
        for run in self.context.state.all("github/runs"):
            if run["status"] != "completed":
                self.start(run["id"])

    def busy(self) -> list[int]:
        """The runs that are being executed; one that waits for a reviewer is not."""
        alive = [run_id for run_id, thread in list(self._threads.items()) if thread.is_alive()]
        return [run_id for run_id in alive if self.context.state.read(run_file(run_id))["status"] != "waiting"]

    def join(self, timeout: float) -> None:
        """Wait until the threads have ended, at most so many seconds each."""
        for thread in list(self._threads.values()):
            thread.join(timeout)

    def _execute(self, run_id: int) -> None:
        try:
            RunExecution(self.context, run_id).execute()
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001
            self.context.state.record_problem(f"The sandbox could not execute run {run_id}: {error!r}")
            update_run(self.context, run_id, lambda run: run.update(status="completed", conclusion="failure"))


def update_run(context: Context, run_id: int, change: Callable[[JSON], Any]) -> JSON:
    """Read, change and write one run; answers it."""
    with context.state.lock:
        run = context.state.read(run_file(run_id))
        change(run)
        run["updated_at"] = now()
        context.state.write(run_file(run_id), run)
        return run


def condition_values(context: Context, run: JSON) -> JSON:
    """What `if:` may ask, by dotted name."""
    kind = "tag" if run["ref"].startswith("refs/tags/") else "branch"
    release = {f"github.event.release.{key}": value for key, value in run["payload"].items()}
    inputs = {f"{at}.{key}": value for key, value in run["inputs"].items() for at in ("inputs", "github.event.inputs")}
    return {
        "github.event_name": run["event"],
        "github.event.action": run["activity"] or None,
        "github.ref": run["ref"],
        "github.ref_name": run["head_branch"],
        "github.ref_type": kind,
        "github.repository": context.slug,
        "github.repository_owner": context.owner,
        "github.sha": run["head_sha"],
        "github.actor": context.settings["login"],
        "github.event.repository.default_branch": context.default_branch,
        "github.event.repository.fork": False,
        "github.event.head_commit.message": context.origin.message(run["head_sha"]),
        "github.run_attempt": str(run["run_attempt"]),
        **release,
        **inputs,
    }


class RunExecution:
    """The execution of one attempt of one run."""

    def __init__(self, context: Context, run_id: int) -> None:
        self.context = context
        self.run_id = run_id

    def execute(self) -> None:
        """Carry the run to its end, from wherever it stands."""
        run = self._read()

        def read(path: str) -> str | None:
            return self.context.origin.file_text(run["head_sha"], path)

        try:
            workflow = expand(parse_workflow(run["path"], read(run["path"]) or ""), read)
            order = job_order(workflow.jobs)
        except BrokenWorkflowError:
            self._change(lambda run: run.update(status="completed", conclusion="failure"))
            return
        self._prepare(workflow, order)
        self._change(lambda run: run.update(status="in_progress"))
        for key in order:
            self._pause()
            if self._job(key)["status"] != "completed":
                self._run_job(workflow, key)
        self._finish()

    def _read(self) -> JSON:
        return self.context.state.read(run_file(self.run_id))

    def _change(self, change: Callable[[JSON], Any]) -> JSON:
        return update_run(self.context, self.run_id, change)

    def _change_job(self, key: str, **values: Any) -> None:
        def change(run: JSON) -> None:
            for job in run["jobs"]:
                if job["key"] == key:
                    job.update(values)

        self._change(change)

    def _job(self, key: str) -> JSON:
        job: JSON = next(job for job in self._read()["jobs"] if job["key"] == key)
        return job

    def _pause(self) -> None:
        time.sleep(self.context.repository.get("delay_seconds", DELAY_SECONDS))
        self.context.keep_going()

    def _prepare(self, workflow: Workflow, order: list[str]) -> None:
        """Give the run its jobs, unless an interrupted execution has done so."""

        def change(run: JSON) -> None:
            if not run["jobs"]:
                run["jobs"] = [_new_job(self.context, run, key, workflow.jobs[key]) for key in order]

        self._change(change)

    def _run_job(self, workflow: Workflow, key: str) -> None:
        job, run = workflow.jobs[key], self._read()
        results = {other["key"]: other["conclusion"] for other in run["jobs"]}
        needed = [results[need] for need in as_list(job.get("needs"))]
        values = condition_values(self.context, run)
        values |= {f"needs.{name}.result": value for name, value in results.items()}
        succeeded = all(result == "success" for result in needed)
        cancelled = bool(run.get("cancel_requested"))
        if cancelled or not is_met(str(job.get("if", "")), values, succeeded=succeeded, cancelled=cancelled):
            times = {"started_at": now(), "completed_at": now()}
            self._change_job(
                key, status="completed", conclusion="cancelled" if cancelled else "skipped", **times, steps=[]
            )
            return
        if self._enter_environment(key, job):
            self._run_steps(workflow, key, values)

    def _enter_environment(self, key: str, job: JSON) -> bool:
        """Wait for the environment's reviewers; False when the job may not deploy there."""
        run, environment = self._read(), environment_of(job)
        refused = deployment_refusal(self.context, environment, run["ref"]) if environment else ""
        if refused:
            self._fail_before_steps(key, refused)
            return False
        if environment and reviewers_of(self.context, environment):
            self._wait_for_review(key, environment)
        state = _review_of(self._read(), environment)
        if state == "cancelled":
            times = {"started_at": now(), "completed_at": now()}
            self._change_job(key, status="completed", conclusion="cancelled", waiting_for="", steps=[], **times)
        elif state == "rejected":
            self._fail_before_steps(key, "The deployment was rejected or didn't satisfy other protection rules.")
        return state not in ("rejected", "cancelled")

    def _wait_for_review(self, key: str, environment: str) -> None:
        def wait(run: JSON) -> None:
            if not _review_of(run, environment):
                run["status"] = "waiting"
                next(job for job in run["jobs"] if job["key"] == key).update(status="waiting", waiting_for=environment)

        self._change(wait)
        while not _review_of(self._read(), environment):
            time.sleep(POLL_SECONDS)
            self.context.keep_going()
        self._change(lambda run: run.update(status="in_progress"))

    def _fail_before_steps(self, key: str, text: str) -> None:
        annotation = {"status": "completed", "conclusion": "failure", "annotation": text, "steps": []}
        self._change_job(key, **annotation, waiting_for="", started_at=now(), completed_at=now())

    def _run_steps(self, workflow: Workflow, key: str, values: JSON) -> None:
        job = workflow.jobs[key]
        steps = [_bookkeeping("Set up job", 1)]
        self._change_job(key, status="in_progress", started_at=now(), waiting_for="", steps=steps)
        succeeded = True
        for step in steps_of(job):
            self._pause()
            if self._read().get("cancel_requested"):
                self._change_job(key, status="completed", conclusion="cancelled", completed_at=now(), steps=steps)
                return
            log: list[str] = []
            entry = {**_bookkeeping(_step_name(step), len(steps) + 1), "started_at": now(), "log_time": now_exact()}
            if not is_met(str(step.get("if", "")), values, succeeded=succeeded):
                entry["conclusion"] = "skipped"
            else:
                try:
                    run_step(self.context, workflow, self._read(), job, step, log)
                except JobFailedError as error:
                    log += [*str(error).splitlines(), "##[error]Process completed with exit code 1."]
                    entry["conclusion"] = "failure"
                    succeeded = succeeded and step.get("continue-on-error") == "true"
            steps = [*steps, {**entry, "completed_at": now(), "log": log}]
            self._change_job(key, steps=steps)
        steps = [*steps, _bookkeeping("Complete job", len(steps) + 1)]
        conclusion = "success" if succeeded else "failure"
        self._change_job(key, status="completed", conclusion=conclusion, completed_at=now(), steps=steps)

    def _finish(self) -> None:
        run = self._read()
        write_log_archive(self.context, run)
        results = {job["conclusion"] for job in run["jobs"]}
        conclusion = next((word for word in ("cancelled", "failure") if word in results), "success")
        if results == {"skipped"}:
            conclusion = "skipped"
        self._change(lambda run: run.update(status="completed", conclusion=conclusion))


def _review_of(run: JSON, environment: str) -> str:
    """What became of this attempt's review for an environment; empty while nobody has looked at it."""
    if run.get("cancel_requested"):
        return "cancelled"
    attempt = run["run_attempt"]
    given = [a for a in run["approvals"] if a["environment"] == environment and a["run_attempt"] == attempt]
    return str(given[-1]["state"]) if given else ""


def _new_job(context: Context, run: JSON, key: str, job: JSON) -> JSON:
    name = str(job.get("name") or key)
    return {
        "id": context.state.next_id("job"),
        "key": key,
        "name": name if "${{" not in name else key,
        "run_attempt": run["run_attempt"],
        "status": "queued",
        "conclusion": None,
        "created_at": now(),
        "started_at": now(),
        "completed_at": None,
        "environment": environment_of(job),
        "labels": as_list(job.get("runs-on")) or ["ubuntu-latest"],
        "steps": [],
        "waiting_for": "",
    }


def _bookkeeping(name: str, number: int) -> JSON:
    times = {"started_at": now(), "completed_at": now(), "log_time": now_exact()}
    return {"name": name, "number": number, "status": "completed", "conclusion": "success", "log": [], **times}


def _step_name(step: JSON) -> str:
    if step.get("name"):
        return str(step["name"])
    if step.get("uses"):
        return f"Run {step['uses']}"
    lines = str(step.get("run", "")).strip().splitlines()
    return f"Run {lines[0]}" if lines else "Run"


def rerun_failed(context: Context, run_id: int, *, everything: bool = False) -> None:
    """Begin the next attempt: the jobs that did not succeed, and those that need them, are run again."""

    def change(run: JSON) -> None:
        kept_keys = ("run_attempt", "jobs", "conclusion", "run_started_at", "updated_at")
        run["attempts"].append({key: run[key] for key in kept_keys})
        run |= {"run_attempt": run["run_attempt"] + 1, "status": "queued", "conclusion": None, "run_started_at": now()}
        run.pop("cancel_requested", None)
        kept = [] if everything else ["success"]
        run["jobs"] = [_again(context, run, job, kept) for job in run["jobs"]]

    update_run(context, run_id, change)
    context.start_run(run_id)


def _again(context: Context, run: JSON, job: JSON, kept: list[str]) -> JSON:
    fresh = {"id": context.state.next_id("job"), "run_attempt": run["run_attempt"]}
    if job["conclusion"] in kept:
        return {**job, **fresh}
    empty: JSON = {"status": "queued", "conclusion": None, "completed_at": None, "steps": [], "waiting_for": ""}
    return {**job, **fresh, **empty, "created_at": now(), "started_at": now(), "annotation": ""}
