"""Which hosts an answer may name."""

from __future__ import annotations

import socket

import httpx
import pytest
from pip._internal.models.index import PyPI, TestPyPI
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from clients.hosts import check_named
from lockgate.errors import RefusedError

INDEX = f"{PYPI_SIMPLE_ENDPOINT}x/"
HOST = httpx.URL(INDEX).host
HUB = "https://api.github.com/repos/o/n"


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Names and their addresses; everything else is on the public internet."""
    known: dict[str, str] = {}

    def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        address = host if host[0].isdigit() else known.get(host, "151.101.0.223")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        (INDEX, f"https://{PyPI.file_storage_domain}/packages/x.whl"),
        (INDEX, f"https://{HOST}/integrity/x/provenance"),
        (f"{TestPyPI.simple_url}/x/", f"https://{TestPyPI.file_storage_domain}/x.whl"),
        (HUB, "https://productionresultssa0.blob.core.windows.net/logs.zip?sig=x"),
        (HUB, "https://results-receiver.actions.githubusercontent.com/x"),
        ("https://index.example.co.uk/simple/x/", "https://files.example.co.uk/x.whl"),
        ("http://127.0.0.1:8080/simple/x/", "http://127.0.0.1:9090/x.whl"),
        ("http://10.0.0.5/simple/x/", "http://10.0.0.5/x.whl"),
    ],
)
@pytest.mark.usefixtures("resolver")
def test_hosts_that_are_meant(asked: str, url: str) -> None:
    assert check_named(url, asked, "asking") == url


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        (INDEX, "http://127.0.0.1:8080/x"),
        (INDEX, "https://127.0.0.1/x"),
        (INDEX, "https://169.254.169.254/latest/meta-data/"),
        (INDEX, "https://[::1]/x"),
        (INDEX, "https://localhost/x"),
        (INDEX, "https://evil.example/x.whl"),
        (INDEX, f"https://{HOST}.evil.example/x.whl"),
        (INDEX, f"https://evil{HOST}/x.whl"),
        (INDEX, f"https://user:pass@{HOST}/x.whl"),
        (INDEX, f"http://{HOST}/x.whl"),
        (INDEX, "file:///etc/passwd"),
        (INDEX, "//"),
        (INDEX, ""),
        (INDEX, f"https://inside.{HOST}/x"),
        ("https://index.example.co.uk/simple/x/", "https://other.co.uk/x.whl"),
        ("http://127.0.0.1:8080/simple/x/", "http://10.0.0.5/x.whl"),
        ("", INDEX),
    ],
)
def test_hosts_that_are_not_meant(resolver: dict[str, str], asked: str, url: str) -> None:
    resolver |= {f"inside.{HOST}": "10.1.2.3"}
    with pytest.raises(RefusedError, match="where nothing was asked"):
        check_named(url, asked, "asking")


def test_a_host_that_is_named_by_whoever_runs_this(resolver: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKGATE_HOSTS", "bucket.example, ")
    url = "https://files.bucket.example/x.whl"
    assert check_named(url, INDEX, "asking") == url
    resolver["files.bucket.example"] = "192.168.1.1"
    with pytest.raises(RefusedError, match="in its network"):
        check_named(url, INDEX, "asking")
