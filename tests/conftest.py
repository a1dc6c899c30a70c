"""What tests of several packages share."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.prefect_server import Pages, prefect_server
from sandbox.sample import write_sample
from sandbox.world import Sandbox
from tests.desk import ROOT, Desk, git

if TYPE_CHECKING:
    from tests.stages import Stage, Stages

SECRETS = (
    "GH_TOKEN", "GITHUB_TOKEN", "GITHUB_API_URL", "GITHUB_SERVER_URL", "LOCKGATE_INDEX_URL", "PREFECT_API_URL",
    "LOCKGATE_STORE", "LOCKGATE_KEY_FILE", "LOCKGATE_TOKEN_BLOCK", "PREFECT_API_AUTH_STRING",
    "PREFECT_SERVER_API_AUTH_STRING",
)  # fmt: skip
SLUG = "example/lockgate-sample"
# A shell lets what it starts in the background ignore interrupts, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# What tests make in Lockgate's place is this account's alone, as Lockgate makes it and wants it.
os.umask(0o077)

LOOK_AT_ALL_RUNS = {"test_reminders", "test_notifying", "test_scheduled_release", "test_sentinel", "test_run_page"}


@pytest.fixture(scope="session", autouse=True)
def _person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every test has a person who uses git; the machine's own settings may be missing, or anything."""
    path = tmp_path_factory.mktemp("person") / "gitconfig"
    path.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(path))
        yield


@pytest.fixture(autouse=True)
def _nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the tokens and addresses of the machine that it runs on, or writes to its home of Lockgate."""
    for name in SECRETS:
        if name in os.environ:
            monkeypatch.delenv(name)
    monkeypatch.setenv("LOCKGATE_HOME", str(tmp_path / "lockgate-home"))


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What talks to Prefect's server runs in two workers, the flows in one, so that there are two servers at most."""
    for item in items:
        if "prefect_pages" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("flows" if item.path.parent.name == "flows" else "prefect"))
    for item in items:
        # These look at every run of the server, or drive a browser: with the whole suite on one busy server they are not yet sure.
        if item.path.parent.name == "browser" or item.path.stem in LOOK_AT_ALL_RUNS:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def prefect_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """A real Prefect server with its password; one for the whole session, with its data in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        patch.setenv("LOCKGATE_HOME", str(tmp_path_factory.mktemp("prefect-note")))
        patch.setenv("PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS", "1")
        patch.delenv("PREFECT_API_URL", raising=False)
        with prefect_server() as pages:
            yield pages
            _hand_over()


@pytest.fixture(scope="session")
def prefect_pages(prefect_door: Pages) -> str:
    """The address of the session's Prefect pages."""
    return prefect_door.address


def _hand_over() -> None:
    """Send what still waits to be sent, while there is a server: afterwards Prefect tries for a minute."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogHandler

    APILogHandler().flush()
    EventsWorker.drain_all(timeout=10, at_exit=False)


@pytest.fixture
def prefect_api(prefect_door: Pages, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The server's API, in the environment (for child processes) and in the settings of flows in this process, with its password.

    Without the heartbeat's thread, which adds a second to each flow.
    """
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    api, auth = f"{prefect_door.address}/api", prefect_door.auth
    monkeypatch.setenv("PREFECT_API_URL", api)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", auth)
    own = {PREFECT_API_URL: api, PREFECT_API_AUTH_STRING: auth, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    with temporary_settings(own):
        yield api


@pytest.fixture(scope="session")
def sample_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sandbox around the sample package, whose workflow publishes the release's own files; never started, only copied."""
    folder = tmp_path_factory.mktemp("sample")
    source = write_sample(folder / "source", upload="release assets")
    sandbox = Sandbox.create(folder / "sandbox", source, SLUG)
    owner, _, name = SLUG.partition("/")
    sandbox.register_publisher(
        "lockgate-sample", owner=owner, repository=name, workflow="publish.yml", environment="pypi"
    )
    sandbox.set_delay(0)
    return sandbox.folder


@pytest.fixture
def sandbox(sample_sandbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A started sandbox of its own for one test, and the environment that points to it."""
    shutil.copytree(sample_sandbox, tmp_path / "sandbox")
    with Sandbox.open(tmp_path / "sandbox") as started:
        for name, value in started.environment.items():
            monkeypatch.setenv(name, value)
        yield started


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """One release, kept before each of its steps; made as far as tests ask for it."""
    from tests.stages import Stages  # late: it loads Prefect, which most tests do without

    return Stages(tmp_path_factory.mktemp("stages"))


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with a person's git, no token, and nothing of Lockgate's yet."""
    person = tmp_path / "gitconfig"
    person.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PREFECT_"))}
    return environ | {
        "PYTHONPATH": str(ROOT), "GIT_CONFIG_GLOBAL": str(person), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
        "GH_CONFIG_DIR": str(tmp_path / "gh"), "LOCKGATE_HOME": str(tmp_path / "home"), "LOCKGATE_USER": "ada",
        "PREFECT_HOME": str(tmp_path / "prefect"),
    }  # fmt: skip


@pytest.fixture
def desk(sandbox: Sandbox, machine: dict[str, str], tmp_path: Path) -> Desk:
    """A desk of its own for one test."""
    git(tmp_path, machine, "clone", "--quiet", sandbox.origin_url, "checkout")
    return Desk(sandbox, tmp_path / "checkout", machine | sandbox.environment)


@pytest.fixture
def desk_with_prefect(desk: Desk, prefect_api: str) -> Desk:
    """A desk whose releases run on the session's Prefect server."""
    desk.environ |= {name: os.environ[name] for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING")}
    return desk


class Receiver(ThreadingHTTPServer):
    """A local stand-in for a chat service: keeps the JSON bodies that are posted to it; `down` makes it answer 500."""

    daemon_threads = True
    down = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Keeper)
        self.received: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self.server_port}/hook"


class Keeper(BaseHTTPRequestHandler):
    """One request to the receiver."""

    server: Receiver

    def do_POST(self) -> None:
        """Keep the body."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.server.down:
            self.server.received.append(body)
        self.send_response(500 if self.server.down else 204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        """Stay quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A local receiver of notifications."""
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def at(stages: Stages, tmp_path: Path) -> Iterator[Callable[[str], Stage]]:
    """Starts a copy of the release as it stood before a step; no request may be one that GitHub does not know."""
    opened: list[Stage] = []

    def copy(key: str) -> Stage:
        opened.append(stages.copy(key, tmp_path / "stage").__enter__())
        return opened[-1]

    yield copy
    for stage in opened:
        stage.sandbox.close()
        assert stage.sandbox.problems == []
