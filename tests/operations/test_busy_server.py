"""Prefect on SQLite answers 503 at once when its database is locked: everything of ours that asks it asks again."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Running
from rich.console import Console

from cli.supervising import supervise
from flows.lost_runs import AGAIN, POOL, TAG
from tests.operating import PASSWORDS, Station, connected

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

TESTS = "Complete test suite with --all flag"
PUBLISHER = "Confirm PyPI Trusted Publisher settings"
LOCKED = b'{"exception_message":"Service Unavailable"}'
PASSED_ON = ("content-type", "x-prefect-api-version", "prefect-api-version", "authorization")


class Busy(ThreadingHTTPServer):
    """Stands before a Prefect server, and answers 503 the first time that a path is asked for."""

    daemon_threads = True

    def __init__(self, api: str) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.behind = api.removesuffix("/api")
        self.refused: list[str] = []

    @property
    def api(self) -> str:
        """Its own address, in the server's place."""
        return f"http://127.0.0.1:{self.server_port}/api"


class Passing(BaseHTTPRequestHandler):
    """One request."""

    server: Busy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        asked = f"{self.command} {self.path}"
        if asked not in self.server.refused:
            self.server.refused.append(asked)
            return self._answer(503, LOCKED)
        headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
        given = httpx.request(
            self.command, f"{self.server.behind}{self.path}", content=body, headers=headers, timeout=60
        )
        return self._answer(given.status_code, given.content)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = _pass  # noqa: N815 - the names that the base class calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        """Stay quiet."""


@pytest.fixture
def before() -> Iterator[Any]:
    """Puts a busy server before another one."""
    started: list[Busy] = []

    def put(api: str) -> Busy:
        started.append(Busy(api))
        threading.Thread(target=started[-1].serve_forever, daemon=True).start()
        return started[-1]

    yield put
    for one in started:
        one.shutdown()
        one.server_close()


def test_the_commands_go_on(station: Station, client: SyncPrefectClient, before: Any) -> None:
    run = station.begin(client)
    station.until_asked(client, run, TESTS)
    busy = before(station.api)
    environ = {**station.environ, "PREFECT_API_URL": busy.api, "PREFECT_API_AUTH_STRING": PASSWORDS[station.api]}
    number = str(run.id)
    one = station.run("status", number, "--json", environ=environ)
    assert json.loads(one.stdout)["asks"] == TESTS, one.stdout + one.stderr
    words = ("approve", number, "--decision", "approve", "--name", "ann", "--note", "ran there")
    given = station.run(*words, environ=environ)
    assert (given.returncode, "it goes on" in given.stdout) == (0, True), given.stdout
    station.until_asked(client, run, PUBLISHER)
    ended = station.run("abort", number, environ=environ)
    assert (ended.returncode, "Cancelled" in ended.stdout) == (0, True), ended.stdout
    assert f"POST /api/flow_runs/{number}/resume" in busy.refused
    assert f"POST /api/flow_runs/{number}/set_state" in busy.refused


@dataclass
class WhenTakenUp:
    """A stop that comes once a run has been started again."""

    client: SyncPrefectClient
    run: Any
    looks: int = 0

    def is_set(self) -> bool:
        self.looks += 1
        state = self.client.read_flow_run(self.run.id).state
        return (state is not None and state.message == AGAIN) or self.looks > 60

    def wait(self, seconds: float) -> bool:
        return threading.Event().wait(seconds)


@flow(name="release", persist_result=False)
def lost() -> None:
    """Stands for a release whose process has vanished."""


def test_the_supervisor_takes_up_what_is_lost(prefect_api: str, before: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = before(prefect_api)
    with connected(prefect_api) as client:
        with contextlib.suppress(ObjectAlreadyExists):
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        deployment = client.create_deployment(client.create_flow(lost), f"lost-{uuid4().hex}", work_pool_name=POOL)
        run = client.create_flow_run_from_deployment(deployment, tags=[TAG])
        client.set_flow_run_state(run.id, Running(), force=True)
        monkeypatch.setenv("PREFECT_API_URL", busy.api)
        out, stop = io.StringIO(), WhenTakenUp(client, run)
        with temporary_settings({PREFECT_API_URL: busy.api}):
            supervise(Console(file=out, width=200), None, None, stop, 3)  # type: ignore[arg-type]
        state = client.read_flow_run(run.id).state
        client.delete_deployment(deployment)
    assert state is not None
    assert (state.name, state.message) == ("AwaitingRetry", AGAIN), out.getvalue()
    assert f"POST /api/flow_runs/{run.id}/set_state" in busy.refused
