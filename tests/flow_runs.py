"""Runs of flows on a real Prefect server, in threads, so that a test can be the person who answers."""

from __future__ import annotations

import contextvars
import os
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun, Log, State, TaskRun
from prefect.client.schemas.responses import OrchestrationResult
from prefect.client.schemas.sorting import TaskRunSort
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.states import Cancelling, Scheduled

from cli.releasing import hand_over
from flows.questions import read_question
from lockgate.outcome import Report
from lockgate.waiting import Waiting

DEADLINE_SECONDS = 150.0
T = TypeVar("T")


def until(look: Callable[[], T | None], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """Look until there is something; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds} s for {what}")


@dataclass(frozen=True)
class Asking:
    """A run that waits for a person: what it shows, and how to answer."""

    run: Run
    state: State
    brief: str
    schema: dict[str, Any]

    @property
    def question(self) -> Waiting:
        """The question's fields, as they are stored beside its brief."""
        found = read_question(self.run.client, self.run.id, self.state)
        assert found is not None
        return found

    def answer(self, **fields: Any) -> OrchestrationResult:
        """Resume with these fields, as the dialog does; says whether Prefect took it."""
        given: OrchestrationResult = self.run.client.resume_flow_run(self.run.id, run_input=fields or None)
        return given


@dataclass
class Run:
    """One flow run, executed here, once or (retried) more often."""

    client: SyncPrefectClient
    flow: Flow[..., Any]
    id: UUID
    seen: set[UUID]
    attempt: Future[State] | None = None

    def begin(self) -> Run:
        """Execute the run in a thread."""
        future: Future[State] = Future()
        stored = self.client.read_flow_run(self.id)

        def execute() -> None:
            try:
                parameters = self.flow.validate_parameters(stored.parameters)
                future.set_result(run_flow(self.flow, flow_run=stored, parameters=parameters, return_type="state"))
            except Pause as left:
                future.set_result(left.state)
            except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
                future.set_exception(error)

        threading.Thread(target=contextvars.copy_context().run, args=(execute,), daemon=True).start()
        self.attempt = future
        return self

    def resumed(self) -> Run:
        """Go on as a worker does: nothing to do for a pause; the next attempt once a suspended run was resumed."""
        if self.known.deployment_id is None:
            return self
        state = self.ends()
        assert state.is_paused(), f"the process ended as {state}"
        return self.begin()

    def asks(self, seconds: float = DEADLINE_SECONDS) -> Asking:
        """Wait until the run waits for a person (once more), and its form is stored."""

        def look() -> Asking | None:
            state = self.state
            if not state.is_paused() or state.id in self.seen:
                assert self.attempt is None or not self.attempt.done() or not self.attempt.exception(), self.attempt
                assert not state.is_final(), f"ended as {state}"
                return None
            keys = state.state_details.run_input_keyset or {}
            stored = {one.key: one.decoded_value for one in self.client.filter_flow_run_input(self.id, "", 200, set())}
            if keys.get("description", "") not in stored:
                return None
            self.seen.add(state.id)
            return Asking(self, state, stored[keys["description"]], stored[keys["schema"]])

        return until(look, "a run that waits for a person", seconds)

    def ends(self, seconds: float = DEADLINE_SECONDS) -> State:
        """The state that this attempt came to."""
        assert self.attempt is not None
        return self.attempt.result(seconds)

    def report(self, seconds: float = DEADLINE_SECONDS) -> tuple[str, Report]:
        """The name of a release's end, and the report in it; log and task runs are on the server then."""
        state = self.ends(seconds)
        report = self._apart(lambda: state.result(raise_on_failure=False))
        self._apart(lambda: hand_over(self.id))
        assert isinstance(report, Report), report
        return str(state.name), report

    @property
    def state(self) -> State:
        found = self.client.read_flow_run(self.id).state
        assert found is not None
        return found

    def waits(self) -> State:
        """The state when the server says that the run waits, whether its form is stored or not."""
        return until(lambda: state if (state := self.state).is_paused() else None, "the run's pause")

    def is_over(self) -> State:
        """The state when the server says that the run is over."""
        return until(lambda: state if (state := self.state).is_final() else None, "the end of the run")

    def retry(self, *, force: bool) -> Run:
        """Retry as the second pages and the command line do (by force), or as the first pages do; executed here."""
        state = Scheduled(name="AwaitingRetry", message="Retried") if force else Scheduled(name="AwaitingRetry")
        given = self.client.set_flow_run_state(self.id, state, force=force)
        assert given.status == "ACCEPT", given
        return self.begin()

    @property
    def known(self) -> FlowRun:
        return self.client.read_flow_run(self.id)

    def settled_task_runs(self) -> list[TaskRun]:
        """The task runs, once the server has all of their ends."""
        self._apart(lambda: hand_over(self.id))
        return self.task_runs

    def _apart(self, call: Callable[[], T]) -> T:
        """Call in a thread: the test's own has an event loop when a browser is driven, which changes what Prefect gives."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(contextvars.copy_context().run, call).result()

    @property
    def task_runs(self) -> list[TaskRun]:
        mine = FlowRunFilter(id=FlowRunFilterId(any_=[self.id]))
        return self.client.read_task_runs(flow_run_filter=mine, sort=TaskRunSort.EXPECTED_START_TIME_ASC)

    @property
    def artifacts(self) -> list[Artifact]:
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[self.id]))
        return self.client.read_artifacts(artifact_filter=mine, limit=200)

    @property
    def logs(self) -> list[Log]:
        mine = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[self.id]))
        return [*self.client.read_logs(mine, limit=200), *self.client.read_logs(mine, limit=200, offset=200)]


class Runs:
    """Makes runs: of no deployment, which pause, or of a deployment without a worker, which suspend."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self.client = client

    def cancel(self, run: Run) -> None:
        """Cancel a run, as the pages do."""
        self.client.set_flow_run_state(run.id, Cancelling())

    def begin(self, what: Flow[..., Any], /, *, deployed: bool = False, **parameters: Any) -> Run:
        """Execute a new run in a thread."""
        given = {name: what.serialize_parameters({name: value})[name] for name, value in parameters.items()}
        if deployed:
            deployment = self.client.create_deployment(self.client.create_flow(what), f"deployed-{time.monotonic_ns()}")
            made = self.client.create_flow_run_from_deployment(deployment, parameters=given)
        else:
            made = self.client.create_flow_run(what, parameters=given)
        return Run(self.client, what, made.id, set()).begin()


def git(folder: Path, *words: str) -> str:
    """Call git as the maintainer, without this machine's own settings."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    person = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    done = subprocess.run(
        ["git", *person, *words], cwd=folder, capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
