"""The runs on a Prefect server: find them, read what they ask, answer, abort, read their logs. Any server, any machine."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cli.server_notes import UP, read_note, use_password
from clients.own_files import check_home
from lockgate.errors import Problem, RefusedError, SettingsError, UnavailableError
from lockgate.waiting import Waiting
from planning.release import home_of

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State

SHORT = 8
LISTED = 20
PAGE = 200
ANSWER_SECONDS = 30.0
ABORT_SECONDS = 60.0
LOOK_SECONDS = 0.3
ID = re.compile(r"[0-9a-f]{4}[0-9a-f-]*", re.IGNORECASE)
SCHEMA_IS_MISSING = "schema not found"


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as scripts read it; `asks` is the title of the question that it waits with, times are ISO 8601."""

    id: str
    name: str
    state: str
    type: str
    since: str
    message: str
    asks: str
    repository: str
    version: str
    requested_by: str
    page: str


@contextlib.contextmanager
def connected() -> Iterator[SyncPrefectClient]:
    """A client of the server that PREFECT_API_URL names, or of this machine's `lockgate up`.

    Raises SettingsError when there is neither, UnavailableError when the server does not answer or refuses the password.
    """
    find_server()
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        with get_client(sync_client=True) as client:
            yield client
    except (httpx.TransportError, PrefectHTTPStatusError, RuntimeError) as error:
        raise UnavailableError(
            Problem(
                f"the Prefect server at {os.environ['PREFECT_API_URL']} failed: {error}", "a server that answers",
                "see that it runs, and that PREFECT_API_AUTH_STRING holds its password if it has one",
            )
        ) from error  # fmt: skip


def find_server() -> None:
    """Set PREFECT_API_URL to this machine's `lockgate up` where it is not set, and the password where it is known.

    Raises SettingsError when there is no server, and for a home that other accounts may enter.
    """
    home = home_of(os.environ)
    check_home(home)
    if "PREFECT_API_URL" not in os.environ:
        note = read_note(home / UP)
        if note is None:
            raise SettingsError(
                Problem(
                    f"PREFECT_API_URL is not set, and no `lockgate up` runs in {home}", "a Prefect server",
                    "start `lockgate up`; or set PREFECT_API_URL to the address of a server, ending in /api",
                )
            )  # fmt: skip
        os.environ["PREFECT_API_URL"] = note.api
    use_password(home)


def recent(client: SyncPrefectClient) -> list[FlowRun]:
    """The releases that are not over, and the last ones that are; newest first."""
    from prefect.client.schemas.sorting import FlowRunSort

    found = client.read_flow_runs(flow_filter=_ours(), sort=FlowRunSort.START_TIME_DESC, limit=PAGE)
    over = [run.id for run in found if run.state is not None and run.state.is_final()][LISTED:]
    return [run for run in found if run.id not in over]


def find(client: SyncPrefectClient, text: str) -> FlowRun:
    """The run with this id, beginning of an id, or name; SettingsError when it is none or several.

    Without a text: the only run that waits for a person.
    """
    if not text:
        found = [run for run in recent(client) if run.state is not None and run.state.is_paused()]
    else:
        found = [run for run in _all(client) if _is_called(run, text)]
    if len(found) == 1:
        return found[0]
    seen = ", ".join(f"{str(run.id)[:SHORT]} ({run.name})" for run in found)
    if text:
        said = f"{text!r} names {len(found)} runs: {seen}" if found else f"{text!r} names no run"
    else:
        said = f"{len(found)} releases wait for a person: {seen}" if found else "no release waits for a person"
    raise SettingsError(Problem(said, "one run", "see `lockgate status`, and name one by its id"))


def view(client: SyncPrefectClient, run: FlowRun) -> RunView:
    """A run for scripts and tables."""
    request = run.parameters.get("request", {})
    asked = request if isinstance(request, dict) else {}
    state = run.state
    return RunView(
        id=str(run.id),
        name=run.name,
        state=(state.name or "") if state else "",
        type=state.type.value if state else "",
        since=state.timestamp.isoformat() if state else "",
        message=(state.message or "") if state else "",
        asks=_title(client, run),
        repository=str(asked.get("repository", "")),
        version=str(asked.get("version", "")),
        requested_by=str(asked.get("requested_by", "")),
        page=f"{os.environ['PREFECT_API_URL'].removesuffix('/api')}/v2/runs/flow-run/{run.id}",
    )


def _title(client: SyncPrefectClient, run: FlowRun) -> str:
    """The title of what a run asks, "" when it asks nothing (yet); one question that cannot be read spoils no list."""
    try:
        question = read_question(client, run)
    except RefusedError:
        return "a question that cannot be read"
    return question.title if question else ""


def view_now(client: SyncPrefectClient, run: FlowRun) -> RunView:
    """The run as it is by now."""
    return view(client, client.read_flow_run(run.id))


def read_question(client: SyncPrefectClient, run: FlowRun) -> Waiting | None:
    """What a run waits with; None when it does not wait, or its question or form is not stored yet.

    Raises RefusedError for a question of another shape than Lockgate stores.
    """
    from flows import questions

    if run.state is None or not run.state.is_paused():
        return None
    return questions.read_question(client, run.id, run.state)


def answer(client: SyncPrefectClient, run: FlowRun, values: Mapping[str, str]) -> None:
    """Resume a waiting run with these values; a server that is busy (503) or has not stored the form yet is asked again.

    Raises SettingsError for what the form does not take, RefusedError when the run does not wait any more.
    """
    from prefect.client.schemas.responses import SetStateStatus
    from prefect.exceptions import PrefectHTTPStatusError

    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        reason = "the server is busy"
        try:
            response = client.resume_flow_run(run.id, run_input=dict(values))
        except PrefectHTTPStatusError as error:
            if error.response.status_code != 503 or time.monotonic() > deadline:
                raise
        else:
            if response.status == SetStateStatus.ACCEPT:
                return
            reason = str(getattr(response.details, "reason", response.status))
            now = client.read_flow_run(run.id).state
            if now is None or not now.is_paused():
                seen = f"{run.name} does not wait any more: it is {now.name if now else 'unknown'}"
                raise RefusedError(Problem(seen, "a run that waits for a person", "see `lockgate status`"))
            if SCHEMA_IS_MISSING not in reason.lower() or time.monotonic() > deadline:
                fields = ", ".join(values)
                raise SettingsError(Problem(reason, f"values that the form takes ({fields})", "correct them"))
        time.sleep(LOOK_SECONDS)


def abort(client: SyncPrefectClient, run: FlowRun) -> str:
    """Cancel a run, wait until it is over, and give the name of its last state.

    Raises RefusedError for one that is over already, or that works in a terminal and can only be stopped there.
    """
    from prefect.states import Cancelled, Cancelling

    state = run.state
    if state is None or state.is_final():
        name = state.name if state else "unknown"
        raise RefusedError(Problem(f"{run.name} is over: {name}", "a run that is under way", "see `lockgate status`"))
    works = state.is_running() or state.is_pending()
    if works and run.deployment_id is None:
        raise RefusedError(
            Problem(f"{run.name} works in somebody's terminal", "a run of a deployment", "press Ctrl-C there")
        )
    message = "aborted with `lockgate abort`"
    wanted: State[None] = Cancelling(message=message) if works else Cancelled(message=message)
    client.set_flow_run_state(run.id, wanted, force=True)
    deadline = time.monotonic() + ABORT_SECONDS
    while time.monotonic() < deadline:
        now = client.read_flow_run(run.id).state
        if now is not None and now.is_final():
            return str(now.name)
        time.sleep(LOOK_SECONDS)
    raise UnavailableError(
        Problem(
            f"{run.name} did not end within {ABORT_SECONDS:.0f} s", "a worker that ends it", "see that a worker runs"
        )
    )


def log_lines(client: SyncPrefectClient, run: FlowRun, *, follow: bool) -> Iterator[dict[str, str]]:
    """The lines of a run's log as they were written; with `follow` until the run is over."""
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
    from prefect.client.schemas.sorting import LogSort

    mine, read = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])), 0
    while True:
        state = client.read_flow_run(run.id).state
        over = state is None or state.is_final()
        while page := client.read_logs(mine, limit=PAGE, offset=read, sort=LogSort.TIMESTAMP_ASC):
            read += len(page)
            for line in page:
                level = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR"}.get(line.level, "CRITICAL")
                yield {"time": line.timestamp.isoformat(), "level": level, "message": line.message}
        if over or not follow:
            return
        time.sleep(LOOK_SECONDS)


def as_data(one: RunView) -> dict[str, Any]:
    """A run as JSON's types."""
    return asdict(one)


def _ours() -> Any:
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    from flows.known_runs import RELEASE_FLOW

    return FlowFilter(name=FlowFilterName(any_=[RELEASE_FLOW]))


def _all(client: SyncPrefectClient) -> Iterator[FlowRun]:
    from prefect.client.schemas.sorting import FlowRunSort

    read = 0
    while page := client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=PAGE, offset=read):
        read += len(page)
        yield from page


def _is_called(run: FlowRun, text: str) -> bool:
    return run.name == text or bool(ID.fullmatch(text) and str(run.id).startswith(text.lower()))
