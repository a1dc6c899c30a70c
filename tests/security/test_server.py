"""Who reaches the server that Lockgate starts: whoever knows its password, by its own name, and nobody's page."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import websockets

from cli.prefect_server import Pages
from tests.desk import COMMAND, ROOT

EVIL = "http://attacker.example"
SOCKETS = ("events/in", "events/out", "logs/out", "task_runs/subscriptions/scheduled", "work_pools/p/workers/connect")
NOWHERE = "00000000-0000-4000-8000-000000000000"
OPEN = {"/api/health", "/api/ready"}
"""What may be asked without a password: whether the server is there."""


@pytest.fixture
def own(prefect_door: Pages) -> httpx.Client:
    user, _, password = prefect_door.auth.partition(":")
    return httpx.Client(base_url=prefect_door.address, auth=(user, password), timeout=60)


@pytest.fixture
def foreign(prefect_door: Pages) -> httpx.Client:
    return httpx.Client(base_url=prefect_door.address, timeout=60)


def test_every_route_but_health_wants_the_password(foreign: httpx.Client) -> None:
    routes = foreign.get("/openapi.json").json()["paths"]
    asked = [
        (method.upper(), path if path.startswith("/api") else f"/api{path}")
        for path in routes
        for method in routes[path]
    ]
    assert len(asked) > 150
    answers = {}
    for method, path in asked:
        plain = path.replace("{", "").replace("}", "")
        answers[method, path] = foreign.request(method, plain, json={}).status_code
    assert {path for (_, path), code in answers.items() if code != httpx.codes.UNAUTHORIZED} <= OPEN
    for path in (
        "/api/docs",
        "/api/openapi.json",
        "/api/static/prefect-logo-mark-gradient.png",
        "/api//health",
        "/api/admin/",
    ):
        assert foreign.get(path).status_code == httpx.codes.UNAUTHORIZED, path


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/block_types/slug/secret/block_documents/name/token?include_secrets=true", None),
        ("POST", "/api/block_documents/filter", {"include_secrets": True}),
        ("POST", f"/api/deployments/{NOWHERE}/create_flow_run", {"parameters": {"request": {"version": "1.0"}}}),
        ("POST", f"/api/flow_runs/{NOWHERE}/resume", {"run_input": {"decision": "approve", "approver": "grace"}}),
        ("POST", f"/api/flow_runs/{NOWHERE}/set_state", {"state": {"type": "COMPLETED"}, "force": True}),
        ("POST", "/api/events", []),
    ],
)
def test_another_account_reads_starts_and_answers_nothing(
    foreign: httpx.Client, method: str, path: str, body: object
) -> None:
    for auth in (None, ("lockgate", ""), ("admin", "pass"), ("", "")):
        given = foreign.request(method, path, json=body, auth=auth)
        assert given.status_code == httpx.codes.UNAUTHORIZED


def test_a_page_of_another_origin_may_read_nothing(own: httpx.Client, prefect_door: Pages) -> None:
    for origin in (EVIL, "null", "http://127.0.0.1:1", f"{prefect_door.address}.attacker.example"):
        read = own.post("/api/flow_runs/filter", json={}, headers={"origin": origin})
        assert "access-control-allow-origin" not in read.headers, origin
        wish = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization",
        }
        asked = own.options("/api/flow_runs/filter", headers=wish)
        assert "access-control-allow-origin" not in asked.headers, origin
    mine = own.post("/api/flow_runs/filter", json={}, headers={"origin": prefect_door.address})
    assert mine.headers["access-control-allow-origin"] == prefect_door.address


@pytest.mark.parametrize(
    "host", ["attacker.example", "127.0.0.1.nip.example:4200", "localhost.attacker.example", "[::1]", ""]
)
def test_another_name_that_leads_here_is_refused(own: httpx.Client, host: str) -> None:
    """A page elsewhere can let its own name lead to this machine, and is then of the same origin (DNS rebinding)."""
    for path in ("/api/health", "/", "/v2/", "/ui-settings", "/api/flows/count"):
        assert own.get(path, headers={"host": host}).status_code == httpx.codes.BAD_REQUEST, path
    assert own.get("/api/health", headers={"host": "localhost:4200"}).status_code == httpx.codes.OK


def opened(address: str, token: str | None, **headers: str) -> bool:
    """Whether a websocket lets this token in."""

    async def knock() -> bool:
        try:
            async with websockets.connect(address, subprotocols=["prefect"], additional_headers=headers) as socket:  # type: ignore[list-item]
                if token is not None:
                    await socket.send(json.dumps({"type": "auth", "token": token}))
                else:
                    await socket.send(json.dumps({"type": "filter", "filter": {}}))
                return bool(json.loads(await socket.recv()).get("type") == "auth_success")
        except (websockets.exceptions.ConnectionClosed, websockets.exceptions.InvalidHandshake):
            return False

    return asyncio.run(knock())


@pytest.mark.parametrize("path", SOCKETS)
def test_the_sockets_of_events_and_logs_want_the_password_too(prefect_door: Pages, path: str) -> None:
    address = f"{prefect_door.address.replace('http', 'ws')}/api/{path}"
    assert not opened(address, None)
    assert not opened(address, "admin:pass")
    assert not opened(address, prefect_door.auth, Host="attacker.example")
    if "connect" not in path:
        assert opened(address, prefect_door.auth)


def test_the_commands_of_the_same_account_need_no_setting(prefect_door: Pages, tmp_path: Path) -> None:
    note = prefect_door.note
    assert note is not None
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert stat.S_IMODE(note.parent.stat().st_mode) == 0o700
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environ |= {
        "PYTHONPATH": str(ROOT),
        "PREFECT_API_URL": f"{prefect_door.address}/api",
        "PREFECT_HOME": str(tmp_path),
    }
    ours = ask(environ | {"LOCKGATE_HOME": str(note.parent)})
    assert ours.returncode == 0, ours.stdout + ours.stderr
    others = ask(environ | {"LOCKGATE_HOME": str(tmp_path / "another-home")})
    assert others.returncode == 4
    assert "PREFECT_API_AUTH_STRING holds its password" in others.stderr


def test_a_noted_password_goes_to_no_other_address(prefect_door: Pages, receiver, tmp_path: Path) -> None:
    """Nor to the same address once the process that noted it is gone: then anybody may listen there."""
    assert prefect_door.note is not None
    home, note = tmp_path / "home", json.loads(prefect_door.note.read_text())
    home.mkdir(mode=0o700)
    address = receiver.url.removesuffix("/hook")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environ |= {"PYTHONPATH": str(ROOT), "PREFECT_API_URL": f"{address}/api", "LOCKGATE_HOME": str(home)}
    gone = subprocess.Popen(["true"])
    gone.wait()
    for told in (
        note,
        {**note, "api": f"{address}/api", "pid": gone.pid},
        {**note, "api": f"{address}/api", "host": "x"},
    ):
        file = home / "up.json"
        file.write_text(json.dumps(told))
        file.chmod(0o600)
        done = subprocess.run(
            [sys.executable, "-c", ("import os; from pathlib import Path; from cli.server_notes import use_password; "
             "use_password(Path(os.environ['LOCKGATE_HOME'])); print(os.environ.get('PREFECT_API_AUTH_STRING'))")],
            env=environ, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == "None"


def test_the_password_stands_in_no_argument(prefect_door: Pages) -> None:
    secret = prefect_door.auth.partition(":")[2].encode()
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue
    assert any(b"cli.pages" in line for line in lines)
    assert not [line for line in lines if secret in line]


def test_a_server_without_a_password_does_not_start(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-m", "cli.pages", "0"], env=environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert (done.returncode, "does not run without a password" in done.stderr) == (1, True)


def ask(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "status", "--json"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
