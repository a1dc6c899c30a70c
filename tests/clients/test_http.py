"""Every failure of the HTTP library and every kind of status has a destination among our errors."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from clients import http
from lockgate.errors import LockgateError, RateLimitedError, RefusedError, SettingsError, UnavailableError

Handler = Callable[[httpx.Request], httpx.Response]
TRANSIENT = {
    "CloseError",
    "ConnectError",
    "ConnectTimeout",
    "NetworkError",
    "PoolTimeout",
    "ProtocolError",
    "ProxyError",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "TimeoutException",
    "TransportError",
    "WriteError",
    "WriteTimeout",
}
DESTINATIONS: dict[str, type[LockgateError]] = {
    **dict.fromkeys(TRANSIENT, UnavailableError),
    "LocalProtocolError": RefusedError,
    "UnsupportedProtocol": SettingsError,
    "DecodingError": UnavailableError,
    "TooManyRedirects": UnavailableError,
}


def stand_in(handler: Handler) -> httpx.Client:
    def streamed(request: httpx.Request) -> httpx.Response:
        given = handler(request)
        if not given.is_stream_consumed:
            return given
        return httpx.Response(given.status_code, headers=given.headers, stream=httpx.ByteStream(given.content))

    return httpx.Client(base_url="https://forge.test", transport=httpx.MockTransport(streamed))


def answer(status: int, headers: dict[str, str] | None = None, **body: object) -> httpx.Response:
    return httpx.Response(
        status,
        headers=headers,
        json=body,
        request=httpx.Request("GET", "https://user:hidden@forge.test/x?sig=hidden"),
    )


def family(base: type[Exception]) -> Iterator[type[Exception]]:
    yield base
    for child in base.__subclasses__():
        yield from family(child)


@pytest.mark.parametrize("kind", list(family(httpx.RequestError))[1:], ids=lambda kind: kind.__name__)
def test_every_transport_error_has_a_destination(kind: type[Exception]) -> None:
    error = kind("words")
    with pytest.raises(DESTINATIONS[kind.__name__]):
        http.translate(error, "asking")


def test_the_table_names_no_error_that_does_not_exist() -> None:
    assert set(DESTINATIONS) == {kind.__name__ for kind in family(httpx.RequestError)} - {"RequestError"}


def test_an_outage_names_the_host_and_the_failure() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    with stand_in(fail) as opener, pytest.raises(UnavailableError) as caught:
        http.send(opener, "GET", "/x", what="reading x")
    assert "While reading x, no complete answer came at forge.test: ConnectError: no route" in str(caught.value)


def test_a_token_with_a_line_break_is_not_shown() -> None:
    error = httpx.LocalProtocolError("Illegal header value b'Bearer ghp_hidden\\n'")
    with pytest.raises(RefusedError, match="check the token: a line break") as caught:
        http.translate(error, "asking")
    assert "ghp_hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("response", "destination", "words"),
    [
        (answer(500, message="oops"), UnavailableError, "answered 500: 'oops'"),
        (answer(502), UnavailableError, "no server error"),
        (answer(503), UnavailableError, "no server error"),
        (answer(408), UnavailableError, "no server error"),
        (answer(401, message="Bad credentials"), RefusedError, "make a new token"),
        (
            answer(403, {"x-accepted-github-permissions": "contents=write"}),
            RefusedError,
            "give the token contents=write",
        ),
        (answer(404, {"x-accepted-github-permissions": "actions=read"}), RefusedError, "the permission actions=read"),
        (answer(404, message="Not Found"), RefusedError, "the token was made for this repository"),
        (answer(403, message="Resource not accessible"), RefusedError, "Resource not accessible"),
        (answer(409, message="Git Repository is empty."), RefusedError, "Git Repository is empty."),
        (answer(301, {"location": "https://forge.test/repositories/1?sig=hidden"}), RefusedError, "repositories/1'"),
        (answer(429), RateLimitedError, "wait 60 seconds"),
        (answer(429, {"retry-after": "7"}), RateLimitedError, "wait 7 seconds"),
        (answer(403, {"retry-after": "7"}), RateLimitedError, "wait 7 seconds"),
        (answer(403, message="You have exceeded a secondary rate limit."), RateLimitedError, "secondary rate limit"),
    ],
)
def test_every_kind_of_status_has_a_destination(
    response: httpx.Response, destination: type[LockgateError], words: str
) -> None:
    with pytest.raises(destination) as caught:
        http.translate(response, "asking")
    assert words in str(caught.value)
    assert "GET https://forge.test/x answered" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_refusal_repeats_the_details_of_a_validation_error() -> None:
    """The body is the one that GitHub sends for a tag name that an immutable release has used up."""
    detail = {
        "resource": "Release",
        "code": "custom",
        "field": "tag_name",
        "message": "tag_name was used by an immutable release",
    }
    with pytest.raises(RefusedError) as caught:
        http.translate(answer(422, message="Validation Failed", errors=[detail]), "asking")
    assert "Validation Failed; Release tag_name custom (tag_name was used by an immutable release)" in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "Thu, 01 Jan 1970 00:18:20 GMT"}, 100),
        ({"retry-after": "soon"}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1250"}, 250),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "900"}, 1),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": "1250"}, 60),
        ({}, 60),
    ],
)
def test_the_wait_is_the_one_that_the_service_names(headers: dict[str, str], seconds: float) -> None:
    assert http.wait_seconds(answer(403, headers), now=1000.0) == seconds


def test_the_wait_travels_with_the_error() -> None:
    reset = str(int(time.time()) + 500)
    with pytest.raises(RateLimitedError) as caught:
        http.translate(answer(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}), "asking")
    assert 480 < caught.value.wait_seconds <= 500


def test_a_status_error_is_translated_by_its_status() -> None:
    response = answer(500)
    error = httpx.HTTPStatusError("words", request=response.request, response=response)
    with pytest.raises(UnavailableError):
        http.translate(error, "asking")


def test_other_exceptions_pass_unchanged() -> None:
    with pytest.raises(KeyError):
        http.translate(KeyError("x"), "asking")


@pytest.mark.parametrize("address", ["ftp://forge.test", "forge.test/api", "https://forge.test:port"])
def test_an_address_that_is_no_web_address_is_a_settings_error(address: str) -> None:
    with pytest.raises(SettingsError, match="The address cannot be used"):
        http.client(address)


def test_a_page_in_place_of_json_is_an_outage() -> None:
    response = httpx.Response(
        200, html="<h1>Maintenance\x1b[31m</h1>", request=httpx.Request("GET", "https://forge.test/x")
    )
    with pytest.raises(UnavailableError, match="see whether a proxy answers") as caught:
        http.read_json(response, "asking")
    assert "\x1b" not in str(caught.value)


def test_a_download_is_complete_and_its_digest_is_told(tmp_path: Path) -> None:
    with stand_in(lambda _: httpx.Response(200, content=b"bytes")) as opener:
        found = http.download(opener, "/x", tmp_path / "x", what="fetching", limit_bytes=5)
    assert found == http.Download(tmp_path / "x", hashlib.sha256(b"bytes").hexdigest(), 5)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_download_over_the_limit_leaves_nothing(tmp_path: Path) -> None:
    with (
        stand_in(lambda _: httpx.Response(200, content=b"bytes")) as opener,
        pytest.raises(RefusedError, match="sent more than 4 bytes"),
    ):
        http.download(opener, "/x", tmp_path / "x", what="fetching", limit_bytes=4)
    assert not list(tmp_path.iterdir())


def test_a_broken_download_leaves_the_earlier_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("earlier")

    def break_off(request: httpx.Request) -> httpx.Response:
        def chunks() -> Iterator[bytes]:
            yield b"half"
            raise httpx.ReadError("gone", request=request)

        return httpx.Response(200, content=chunks())

    with stand_in(break_off) as opener, pytest.raises(UnavailableError, match="ReadError"):
        http.download(opener, "/x", tmp_path / "x", what="fetching", limit_bytes=99)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["earlier"]


@pytest.mark.parametrize(("status", "gone"), [(404, (404, 410)), (410, (404, 410))])
def test_a_download_that_may_be_gone_is_none(tmp_path: Path, status: int, gone: tuple[int, ...]) -> None:
    with stand_in(lambda _: httpx.Response(status)) as opener:
        assert http.download(opener, "/x", tmp_path / "x", what="fetching", limit_bytes=4, gone=gone) is None


def test_a_download_refuses_what_was_not_expected_to_be_gone(tmp_path: Path) -> None:
    with stand_in(lambda _: httpx.Response(410)) as opener, pytest.raises(RefusedError, match="answered 410"):
        http.download(opener, "/x", tmp_path / "x", what="fetching", limit_bytes=4)


def test_a_real_connection_that_is_refused_is_an_outage() -> None:
    with http.client("http://127.0.0.1:9") as opener, pytest.raises(UnavailableError, match="ConnectError"):
        http.send(opener, "GET", "/x", what="asking")
