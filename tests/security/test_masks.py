"""A secret that comes back in what others write stands in nothing that is written: the real command."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.test_marker_token import leaks
from tests.desk import Desk

SECRET = "marker/of+the=token-4f1d7c"  # the one that the search of everything written looks for
FORMS = {
    "plain": SECRET,
    "in an address": quote(SECRET, safe=""),
    "basic authentication": base64.b64encode(f"x-access-token:{SECRET}".encode()).decode(),
    "basic authentication of another name": base64.b64encode(f"ab:{SECRET}".encode()).decode(),
    "hexadecimal": SECRET.encode().hex(),
}


@pytest.mark.parametrize("name", ["GH_TOKEN", "PGPASSWORD", "PREFECT_API_AUTH_STRING"])
def test_a_refusal_that_quotes_a_secret_masks_it(desk: Desk, tmp_path: Path, name: str) -> None:
    """What is quoted is what somebody gave: the name of a repository here, in each of the ways a secret is written."""
    desk.environ[name] = f"admin:{SECRET}" if name.endswith("AUTH_STRING") else SECRET
    report = tmp_path / "report.json"
    for how, written in FORMS.items():
        ended = desk.run("plan", "minor", "--repository", f"x {written}", "--json", "--report", str(report))
        assert ended.code == 2, how
        everything = ended.out + ended.err + report.read_text()
        assert "***" in everything, how
        assert written not in everything, how
        assert SECRET not in everything, how
    assert leaks(Path(desk.environ["LOCKGATE_HOME"])) == []


class Echo(BaseHTTPRequestHandler):
    """Answers as a broken proxy does: with an error, and the headers that it was sent."""

    def do_GET(self) -> None:
        """Say what came, plain and in base64."""
        given = " ".join(self.headers.values())
        self.server.heard.append(given)  # type: ignore[attr-defined]
        body = json.dumps(
            {"message": f"bad gateway after {given} {base64.b64encode(given.encode()).decode()}"}
        ).encode()
        self.send_response(400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the base class calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Stay quiet."""


@pytest.fixture
def echo() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.heard = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_an_answer_that_echoes_the_token_is_masked(desk: Desk, echo: ThreadingHTTPServer) -> None:
    desk.world._change_settings(token=SECRET)
    desk.environ |= {
        "GH_TOKEN": SECRET,
        "GITHUB_TOKEN": SECRET,
        "GITHUB_API_URL": f"http://127.0.0.1:{echo.server_port}",
    }
    ended = desk.run("plan", "minor", "--json")
    assert any(SECRET in given for given in echo.heard)  # type: ignore[attr-defined]
    assert "bad gateway" in ended.out + ended.err
    for written in (*FORMS.values(), base64.b64encode(f"Bearer {SECRET}".encode()).decode()[12:-4]):
        assert written not in ended.out + ended.err
    assert leaks(Path(desk.environ["LOCKGATE_HOME"])) == []
