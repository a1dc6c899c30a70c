"""Step 9: the publish run, found, shown, judged, and started again."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lockgate.errors import DeadlineError, NotVisibleError
from lockgate.request import Request
from lockgate.runs import RunFailedError
from planning import record
from sandbox.faults import Fault
from sandbox.state import write_atomically
from tests.acts import attempt, configure, replace_in, wait
from tests.stages import ORDER, Stage

Make = Callable[[str], Stage]


def test_a_reviewer_that_is_waited_for_is_shown_with_name_and_link(at: Make, caplog: pytest.LogCaptureFixture) -> None:
    stage = at("export")
    configure(stage, "publish-timeout = 1")
    stage.sandbox.set_environment("pypi", reviewers=["example"])
    attempt(stage, "export")
    with caplog.at_level("INFO"), pytest.raises(NotVisibleError):
        attempt(stage, "wait")
    page = f"{stage.sandbox.github_url}/{stage.sandbox.slug}/actions/runs/{stage.sandbox.runs[-1]['id']}"
    assert f"The run waits until one of example approves pypi: {page}" in caplog.messages


def test_nothing_but_the_run_is_asked_for_while_nothing_changes(at: Make) -> None:
    stage = at("export")
    configure(stage, "publish-timeout = 1")
    stage.sandbox.set_environment("pypi", reviewers=["example"])
    attempt(stage, "export")
    until_it_waits(stage)
    stage.sandbox.faults.add(Fault("error", "github", "GET .*/(jobs|pending_deployments)", times=100, after=2))
    with pytest.raises(NotVisibleError):
        attempt(stage, "wait")
    assert stage.sandbox.faults.seen == []


def until_it_waits(stage: Stage) -> None:
    deadline = time.monotonic() + 60
    while not stage.sandbox.runs or stage.sandbox.runs[-1]["status"] != "waiting":
        assert time.monotonic() < deadline, "the run does not wait for its reviewer"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("* `invalid-publisher`: valid token, but no corresponding publisher", "invalid-publisher"),
        ("HTTPError: 400 Bad Request\nFile already exists ('x.whl', with blake2_256 hash 'a').", "exists"),
    ],
)
def test_a_failure_names_the_job_and_what_the_index_answered(at: Make, text: str, code: str) -> None:
    stage = at("export")
    stage.sandbox.faults.add(Fault("failed-publish", "github", options={"text": text}))
    attempt(stage, "export")
    failure = wait(stage)
    assert isinstance(failure, RunFailedError)
    assert "'publish' (failure" in str(failure.problems[0])
    assert "the log of the publish run says" in failure.problems[1].seen
    assert code in failure.problems[1].seen
    assert failure.problems[1].next


@pytest.mark.slow
def test_a_workflow_that_cannot_be_started_by_hand_is_explained(at: Make) -> None:
    stage = at("version")
    configure(stage, "run-timeout = 1")
    replace_in(stage, ".github/workflows/publish.yml", "  workflow_dispatch:\n", "")
    stage.go_on(ORDER[: ORDER.index("export")])
    stage.sandbox.faults.add(Fault("missing-run", "github", "push refs/tags/"))
    attempt(stage, "export")
    with pytest.raises(NotVisibleError, match=r"1 seconds after tag 'v1\.1\.0' was pushed, publish\.yml has no run"):
        attempt(stage, "wait")
    assert not stage.changes("dispatches")


def test_a_workflow_is_started_by_hand_once_however_often_it_is_waited_for(at: Make) -> None:
    """GitHub took the request, and the run is not to be seen for longer than the configured time."""
    stage = at("export")
    configure(stage, "run-timeout = 1")
    stage.sandbox.faults.add(Fault("missing-run", "github", "push refs/tags/"))
    attempt(stage, "export")
    stage.sandbox.faults.add(Fault("missing-run", "github", "workflow_dispatch .*", times=10))
    for _ in range(2):
        with pytest.raises(DeadlineError, match=r"publish\.yml has no run for it"):
            attempt(stage, "wait")
    assert stage.changes("dispatches") == 1


@pytest.mark.slow
def test_a_workflow_is_started_by_hand_with_the_inputs_of_the_settings(at: Make) -> None:
    stage = at("version")
    asked = "  workflow_dispatch:\n    inputs:\n      version: {required: true}\n      channel: {type: choice, options: [stable]}\n"
    configure(stage, 'run-timeout = 1\ndispatch-inputs = { version = "{version}", channel = "stable" }')
    replace_in(stage, ".github/workflows/publish.yml", "  workflow_dispatch:\n", asked)
    stage.go_on(ORDER[: ORDER.index("export")])
    stage.sandbox.faults.add(Fault("missing-run", "github", "push refs/tags/"))
    attempt(stage, "export")
    attempt(stage, "wait")
    (run,) = stage.sandbox.runs
    assert (run["event"], run["inputs"]) == ("workflow_dispatch", {"version": "1.1.0", "channel": "stable"})


def test_the_recorded_run_is_followed_when_it_has_left_the_list(at: Make) -> None:
    stage = at("export")
    configure(stage, "publish-timeout = 1\nrun-timeout = 1")
    stage.sandbox.set_environment("pypi", reviewers=["example"])
    attempt(stage, "export")
    until_it_waits(stage)
    with pytest.raises(DeadlineError, match="did not end within"):
        attempt(stage, "wait")
    run = json.loads(run_file(stage).read_text())
    write_run(stage, json.dumps({**run, "head_branch": "somebody-elses"}))
    with pytest.raises(DeadlineError, match=f"{run['id']} did not end within"):
        attempt(stage, "wait")
    assert not stage.changes("dispatches")


def test_a_failure_is_told_although_its_log_cannot_be_had(at: Make) -> None:
    stage = at("export")
    stage.sandbox.faults.add(Fault("failed-publish", "github", options={"text": "no"}))
    attempt(stage, "export")
    stage.sandbox.faults.add(Fault("error", "github", "GET .*/logs", times=1000))
    assert isinstance(wait(stage), RunFailedError)


def test_a_rate_limit_is_waited_out_as_github_asks(at: Make, caplog: pytest.LogCaptureFixture) -> None:
    stage = at("wait")
    stage.sandbox.faults.add(Fault("rate-limit", "github", "GET .*/runs", options={"status": 429, "retry_after": 1}))
    with caplog.at_level("WARNING"):
        attempt(stage, "wait")
    assert [one["name"] for one in stage.sandbox.faults.seen] == ["rate-limit"]
    assert "wait 1 seconds, as it asks" in "\n".join(caplog.messages)


@pytest.mark.slow
def test_failed_jobs_are_run_again_when_a_person_says_so(
    at: Make, prefect_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.release_flow import release

    stage = at("export")
    stage.sandbox.faults.add(Fault("failed-publish", "github", options={"text": "ERROR the index did not answer"}))
    for name, value in stage.environ().items():
        monkeypatch.setenv(name, value)
    person = Reviewer(prefect_api)
    person.start()
    state = release(Request(stage.sandbox.origin_url, "minor", requested_by="Ada"), return_state=True)
    person.join()
    assert state.name == "Released", state.message
    assert "Run the failed jobs again?" in person.brief
    run = record.kept(stage.open(version="1.1.0")).workflow_run
    assert run is not None
    assert (run.attempt, run.conclusion) == (2, "success")
    assert stage.changes("github POST .*/rerun-failed-jobs") == 1


class Reviewer(threading.Thread):
    """Says yes, once, to the first run that waits on this Prefect server."""

    def __init__(self, api: str) -> None:
        super().__init__(daemon=True)
        self.api = api
        self.brief = ""

    def run(self) -> None:
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
        from prefect.client.schemas.objects import StateType
        from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

        paused = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED])))
        deadline = time.monotonic() + 120
        own = {PREFECT_API_URL: self.api, PREFECT_API_AUTH_STRING: os.environ["PREFECT_API_AUTH_STRING"]}
        with temporary_settings(own), get_client(sync_client=True) as client:
            while time.monotonic() < deadline:
                for run in client.read_flow_runs(flow_run_filter=paused):
                    assert run.state is not None
                    keys = run.state.state_details.run_input_keyset or {}
                    told = {one.key: one.value for one in client.filter_flow_run_input(run.id, "", 100, set())}
                    if keys.get("description") in told and "Run the failed jobs" in told[keys["description"]]:
                        self.brief = told[keys["description"]]
                        client.resume_flow_run(run.id, run_input={"decision": "approve", "approver": "Ada"})
                        return
                time.sleep(0.1)


def test_a_run_that_ended_before_its_jobs_is_looked_at_again(at: Make) -> None:
    """GitHub ends a run a moment before its jobs; a job without a result is no failure to publish."""
    stage = at("export")
    configure(stage, "publish-timeout = 1")
    attempt(stage, "export")
    ended = change_jobs(stage, status="in_progress", conclusion=None)
    with pytest.raises(NotVisibleError, match="did not end within"):
        attempt(stage, "wait")
    write_run(stage, ended)
    assert attempt(stage, "wait").outcome == "done"


def test_a_run_that_succeeded_without_publishing_is_refused_at_every_start(at: Make) -> None:
    stage = at("export")
    attempt(stage, "export")
    change_jobs(stage, conclusion="skipped")
    for _ in range(2):
        assert "succeeded without publishing (publish: skipped)" in str(wait(stage))


def change_jobs(stage: Stage, **changes: str | None) -> str:
    """Let the ended run of the sandbox have other jobs; what it was before."""
    stage.sandbox.wait_idle(60)
    ended = run_file(stage).read_text()
    run = json.loads(ended)
    for job in run["jobs"]:
        job.update(changes)
    write_run(stage, json.dumps(run))
    return ended


def write_run(stage: Stage, text: str) -> None:
    """In one instant: the sandbox may be reading it."""
    write_atomically(run_file(stage), text.encode())


def run_file(stage: Stage) -> Path:
    return stage.sandbox.folder / "github" / "runs" / f"{stage.sandbox.runs[-1]['id']}.json"
