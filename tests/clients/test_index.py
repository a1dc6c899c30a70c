"""The index client against a real server on this machine that answers whatever a test tells it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from packaging.version import Version
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from clients import index as index_client
from lockgate.errors import RateLimitedError, RefusedError, SettingsError, UnavailableError
from lockgate.publication import IndexFile, Publisher

JSON = "application/vnd.pypi.simple.v1+json"
BYTES = b"the bytes of a wheel"
DIGEST = hashlib.sha256(BYTES).hexdigest()
WHEEL = "sample-1.0-py3-none-any.whl"


class Server:
    """Answers (status, headers, body) by path; everything else is 404, but the index's root is there."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {"/simple/": (200, {}, b"")}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                status, headers, body = outer.answers.get(self.path, (404, {}, b"not found"))
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.http.server_port}/"
        self.index = self.base + "simple/"

    def answer(self, path: str, body: object, status: int = 200, kind: str = JSON, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = (status, {"Content-Type": kind, **headers}, data)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def page(**changes: Any) -> dict[str, Any]:
    file: dict[str, Any] = {"filename": WHEEL, "url": f"../../files/{WHEEL}", "hashes": {"sha256": DIGEST}}
    file |= {"size": len(BYTES), "upload-time": "2026-11-22T20:00:00.5Z", "yanked": False, "provenance": None}
    base: dict[str, Any] = {
        "meta": {"api-version": "1.4"},
        "name": "sample",
        "files": [file],
        "versions": ["1.0", "0.9"],
    }
    return base | changes


def file_of(server: Server, **changes: Any) -> IndexFile:
    values: dict[str, Any] = {"name": WHEEL, "sha256": DIGEST, "size": len(BYTES), "url": f"{server.base}files/{WHEEL}"}
    values["page"] = f"{server.base}simple/sample/"
    return IndexFile(**{**values, **changes})


def test_a_project_with_all_its_fields(server: Server) -> None:
    server.answer("/simple/sample/", page(**{"project-status": {"status": "archived"}}))
    found = index_client.observe_project(server.index, "Sample")
    assert found is not None
    assert (found.name, found.status, found.url) == ("sample", "archived", server.index + "sample/")
    assert found.versions == (Version("0.9"), Version("1.0"))
    assert found.files == (file_of(server, uploaded="2026-11-22T20:00:00.500000+00:00"),)


def test_the_request_asks_for_json_and_no_cached_page(server: Server) -> None:
    server.answer("/simple/sample/", page())
    index_client.observe_project(server.index, "sample")
    method, path, headers = server.requests[0]
    assert (method, path) == ("GET", "/simple/sample/")
    assert headers["accept"].startswith(JSON)
    assert headers["cache-control"] == "no-cache"
    assert "authorization" not in headers


def test_yanked_files_and_versions_without_files_count(server: Server) -> None:
    yanked = page()["files"][0] | {"yanked": "broken", "filename": "sample-2.0-py3-none-any.whl"}
    server.answer("/simple/sample/", page(files=[yanked], versions=["3.0", "not a version"]))
    found = index_client.observe_project(server.index, "sample")
    assert found is not None
    assert found.versions == (Version("2.0"), Version("3.0"))
    assert found.files[0].yanked
    assert found.status == "active"


def test_only_a_404_is_absence(server: Server) -> None:
    assert index_client.observe_project(server.index, "sample") is None
    assert [method for method, _, _ in server.requests] == ["GET", "HEAD"]


def test_a_404_of_an_index_that_is_not_there_refuses(server: Server) -> None:
    with pytest.raises(RefusedError, match="itself answered 404"):
        index_client.observe_project(server.base + "smiple/", "sample")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, UnavailableError),
        (503, UnavailableError),
        (0, UnavailableError),
        (429, RateLimitedError),
        (403, RefusedError),
        (401, RefusedError),
        (410, RefusedError),
        (451, RefusedError),
    ],
)
def test_no_other_status_is_absence(server: Server, status: int, error: type[Exception]) -> None:
    server.answer("/simple/sample/", b"", status=status)
    with pytest.raises(error, match="looking for sample on the index"):
        index_client.observe_project(server.index, "sample")


def test_a_refused_connection_is_no_absence(server: Server) -> None:
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(UnavailableError, match="ConnectError"):
        index_client.observe_project(server.index, "sample")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>Please log in</html>", "text/html"),
        (b"", "text/html"),
        (b"<html>", JSON),
        (b"{}", JSON),
        (b"[]", JSON),
        (b"null", "application/json"),
        (json.dumps(page(name=None)).encode(), JSON),
        (json.dumps(page(**{"project-status": {"status": "new word"}})).encode(), JSON),
        (b"text", "text/plain"),
    ],
)
def test_a_page_that_is_no_project_page_is_unclear(server: Server, body: bytes, kind: str) -> None:
    server.answer("/simple/sample/", body, kind=kind)
    with pytest.raises(UnavailableError, match="looking for sample"):
        index_client.observe_project(server.index, "sample")


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"name": "other"}, "of the project 'other'"), ({"meta": {"api-version": "2.0"}}, "greater major component")],
)
def test_a_page_that_cannot_be_used_refuses(server: Server, changes: dict[str, Any], words: str) -> None:
    server.answer("/simple/sample/", page(**changes))
    with pytest.raises(RefusedError, match=words):
        index_client.observe_project(server.index, "sample")


def test_an_html_page_is_read_too(server: Server) -> None:
    link = f'<a href="/files/{WHEEL}#sha256={DIGEST}" data-yanked="broken">{WHEEL}</a>'
    server.answer("/simple/sample/", f"<!DOCTYPE html><html><body>{link}</body></html>".encode(), kind="text/html")
    found = index_client.observe_project(server.index, "sample")
    assert found is not None
    assert found.files == (file_of(server, size=None, yanked=True),)
    assert found.versions == (Version("1.0"),)


def test_a_redirect_on_the_same_host_is_followed(server: Server) -> None:
    server.answer("/simple/sample/", b"", status=301, Location="/simple/Sample/")
    server.answer("/simple/Sample/", page())
    assert index_client.observe_project(server.index, "sample") is not None


@pytest.mark.parametrize("target", ["http://localhost:{port}/simple/sample/", "http://127.0.0.1:1/", "http://["])
def test_a_redirect_elsewhere_refuses(server: Server, target: str) -> None:
    server.answer("/simple/sample/", b"", status=302, Location=target.format(port=server.http.server_port))
    with pytest.raises(RefusedError, match="answered 302"):
        index_client.observe_project(server.index, "sample")
    assert len(server.requests) == 1


def test_a_redirect_in_a_circle_ends(server: Server) -> None:
    server.answer("/simple/sample/", b"", status=302, Location="/simple/sample/")
    with pytest.raises(RefusedError, match="answered 302"):
        index_client.observe_project(server.index, "sample")


def test_the_page_of_a_version(server: Server) -> None:
    entry: dict[str, Any] = {
        "filename": WHEEL,
        "digests": {"sha256": DIGEST},
        "size": len(BYTES),
        "url": f"{server.base}files/{WHEEL}",
    }
    entry |= {"yanked": True, "upload_time_iso_8601": "2026-11-22T20:00:00.5Z"}
    server.answer("/pypi/sample/1.0/json", {"info": {}, "urls": [entry]}, kind="application/json")
    found = index_client.observe_release(server.index, "sample", Version("1.0"))
    assert found == (file_of(server, yanked=True, uploaded="2026-11-22T20:00:00.5Z"),)


def test_no_page_of_a_version(server: Server) -> None:
    assert index_client.observe_release(server.index, "sample", "1.0") is None
    assert index_client.observe_release(server.base + "root/+simple/", "sample", "1.0") is None
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"urls":[{}]}', b"<html>"])
def test_an_unclear_page_of_a_version_is_an_outage(server: Server, body: bytes) -> None:
    server.answer("/pypi/sample/1.0/json", body)
    with pytest.raises(UnavailableError, match=r"looking for sample 1\.0"):
        index_client.observe_release(server.index, "sample", "1.0")


def provenance(**publisher: object) -> dict[str, Any]:
    return {"version": 1, "attestation_bundles": [{"publisher": publisher, "attestations": []}]}


@pytest.mark.parametrize(
    ("body", "publisher"),
    [
        (
            provenance(kind="GitHub", repository="o/n", workflow="p.yml", environment="pypi", claims=None),
            Publisher("GitHub", "o/n", "p.yml", "pypi"),
        ),
        (provenance(kind="GitHub", repository="o/n", workflow="p.yml"), Publisher("GitHub", "o/n", "p.yml", "")),
        (
            provenance(kind="GitLab", repository="o/n", workflow_filepath="c.yml"),
            Publisher("GitLab", "o/n", "c.yml", ""),
        ),
        (provenance(kind="Unheard of"), Publisher("Unheard of", "", "", "")),
        ({"version": 1, "attestation_bundles": []}, None),
    ],
)
def test_the_publisher_of_a_file(server: Server, body: object, publisher: Publisher | None) -> None:
    server.answer("/provenance", body)
    assert index_client.read_publisher(file_of(server, provenance=server.base + "provenance")) == publisher


def test_no_provenance_is_no_publisher(server: Server) -> None:
    assert index_client.read_publisher(file_of(server)) is None
    assert index_client.read_publisher(file_of(server, provenance=server.base + "provenance")) is None


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"<html>", b'{"attestation_bundles":[{}]}', b'{"attestation_bundles":3}']
)
def test_an_unreadable_provenance_is_an_outage(server: Server, body: bytes) -> None:
    server.answer("/provenance", body)
    with pytest.raises(UnavailableError, match=r"provenance of sample-1\.0"):
        index_client.read_publisher(file_of(server, provenance=server.base + "provenance"))


def test_a_download_is_proved(server: Server, tmp_path: Path) -> None:
    server.answer(f"/files/{WHEEL}", BYTES)
    assert index_client.download(file_of(server), tmp_path / WHEEL).read_bytes() == BYTES
    assert [file.name for file in tmp_path.iterdir()] == [WHEEL]


@pytest.mark.parametrize("digest", ["0" * 64, ""])
def test_a_download_of_other_bytes_refuses_and_leaves_nothing(server: Server, tmp_path: Path, digest: str) -> None:
    server.answer(f"/files/{WHEEL}", BYTES)
    with pytest.raises(RefusedError, match=DIGEST):
        index_client.download(file_of(server, sha256=digest), tmp_path / WHEEL)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_digest_is_taken_from_the_bytes(server: Server) -> None:
    server.answer(f"/files/{WHEEL}", BYTES)
    assert index_client.fill_digest(file_of(server, sha256="", size=None)) == file_of(server)
    assert index_client.fill_digest(file_of(server)) == file_of(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("setting", "environ", "url"),
    [
        ("", {}, PYPI_SIMPLE_ENDPOINT),
        ("", {"LOCKGATE_INDEX_URL": "http://127.0.0.1:1/simple"}, "http://127.0.0.1:1/simple/"),
        ("https://index.example/x/", {"LOCKGATE_INDEX_URL": "http://other/"}, "http://other/"),
        ("https://index.example/x/", {"LOCKGATE_INDEX_URL": ""}, "https://index.example/x/"),
    ],
)
def test_where_the_index_address_comes_from(setting: str, environ: dict[str, str], url: str) -> None:
    assert index_client.index_url(setting, environ) == url


@pytest.mark.parametrize(
    "setting", ["ftp://x/", "/simple/", "https:///simple/", "http://x:port/", "https://x/simple/?a=1", "x"]
)
def test_an_unusable_index_address_is_a_setting_to_correct(setting: str) -> None:
    with pytest.raises(SettingsError, match="correct `index`"):
        index_client.index_url(setting, {})


def test_credentials_in_the_index_address_are_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="user name or password") as caught:
        index_client.index_url("https://user:hunter2@index.example/simple/", {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("index", "page_url"),
    [
        ("https://index.example/simple/", "https://index.example/project/my-sample/1.0/"),
        ("https://index.example/root/+simple/", "https://index.example/root/+simple/my-sample/"),
    ],
)
def test_the_page_for_people(index: str, page_url: str) -> None:
    assert index_client.project_page_url(index, "My_Sample", "1.0") == page_url
