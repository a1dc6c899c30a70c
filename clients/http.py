"""HTTP as every client here uses it: how it is opened, and which of our errors each failure becomes.

Timeouts, sizes and depths are explicit (clients/answers.py, lockgate/documents.py), redirects are never followed by
themselves, and nothing is tried twice: retrying is the business of the steps. What an answer means (a 404, say) is the
caller's to know; `translate` is for all the rest.
"""

from __future__ import annotations

import functools
import hashlib
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NoReturn

import httpx

from clients import answers
from lockgate import documents
from lockgate.errors import (
    LockgateError,
    Problem,
    RateLimitedError,
    RefusedError,
    SettingsError,
    UnavailableError,
    refused,
    unavailable,
)

TIMEOUT = httpx.Timeout(60.0, connect=15.0)  # seconds; read and write count from the last byte that moved
USER_AGENT = "lockgate"
LONGEST_QUOTE = 300  # characters of another server's words in one of our messages
SHORTEST_WAIT_SECONDS = 1.0
ANSWER_BYTES = 64 * 1024**2  # a page of a hundred GitHub releases with all their assets has about 25 MiB
ANSWER_SECONDS = 180.0
TRANSFER_SECONDS = 3600.0
UNNAMED_WAIT_SECONDS = 60.0  # "wait at least one minute": docs.github.com, best practices for using the REST API

RATE_WORDS = ("rate limit", "abuse detection")
TRY_AGAIN = "nothing has to be done now: the same step looks again, and goes on where it stopped"


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was written: where, its sha256 in hexadecimal and its size in bytes."""

    path: Path
    sha256: str
    size: int


def client(base_url: str = "", headers: Mapping[str, str] | None = None) -> httpx.Client:
    """An opener with explicit timeouts that follows no redirects; to be used as a context manager.

    Raises SettingsError when the address is no http(s) URL.
    """
    if base_url and not base_url.startswith(("https://", "http://")):
        raise SettingsError(_unusable_address(repr(base_url)))
    names = {"User-Agent": USER_AGENT, "Accept-Encoding": answers.ACCEPTED, **(headers or {})}
    # A connection for each request: so that cutting the connections of one ends no other.
    alone = httpx.Limits(max_keepalive_connections=0)
    try:
        return httpx.Client(
            base_url=base_url, headers=names, timeout=TIMEOUT, limits=alone, follow_redirects=False, verify=trusted()
        )
    except httpx.InvalidURL as error:
        translate(error, f"opening {base_url!r}")


@functools.cache
def trusted() -> ssl.SSLContext:
    """The certificates that are trusted, as httpx has them by default; read once, since that takes longer than a call."""
    return httpx.create_ssl_context()


def send(
    http: httpx.Client, method: str, url: str, *, what: str, seconds: float = ANSWER_SECONDS, **options: Any
) -> httpx.Response:
    """One request and its whole answer, whatever its status; `what` completes the sentence "while …".

    Raises UnavailableError when no complete answer came within `seconds`, RefusedError when it is over 64 MiB, SettingsError
    when the address cannot be used.
    """
    deadline = answers.Deadline(seconds)
    try:
        with deadline.running(), http.stream(method, url, extensions=deadline.extensions, **options) as response:
            return answers.whole(response, ANSWER_BYTES)
    except answers.AnswerError as error:
        raise _endless(error, what, f"{method} {http.base_url.join(url).host}", ANSWER_BYTES, seconds) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        translate(error, what)


def read_json(response: httpx.Response, what: str) -> Any:
    """The JSON of an answer; anything else is taken for a proxy's or an outage's page: UnavailableError."""
    try:
        return documents.read_json(response.content, ANSWER_BYTES)
    except ValueError as error:
        raise unexpected(response, what, "JSON") from error


def download(
    http: httpx.Client, url: str, destination: Path, *, what: str, limit_bytes: int, gone: Collection[int] = ()
) -> Download | None:
    """Stream a URL into a file, which appears only when it is complete; None for the statuses in `gone`.

    Raises RefusedError over `limit_bytes`, UnavailableError when it takes more than an hour, and what `translate` raises for
    every other status and failure.
    """
    part = destination.with_name(destination.name + ".part")
    deadline = answers.Deadline(TRANSFER_SECONDS)
    try:
        with deadline.running(), http.stream("GET", url, extensions=deadline.extensions) as response:
            if response.status_code in gone:
                return None
            if response.status_code != httpx.codes.OK:
                translate(answers.whole(response, ANSWER_BYTES), what)
            digest, size = _write(response, part, limit_bytes)
        part.replace(destination)
    except answers.AnswerError as error:
        raise _endless(error, what, f"GET {http.base_url.join(url).host}", limit_bytes, TRANSFER_SECONDS) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        translate(error, what)
    finally:
        part.unlink(missing_ok=True)
    return Download(destination, digest, size)


def translate(found: httpx.Response | Exception, what: str) -> NoReturn:
    """Raise the error of ours that a failed request or an unwelcome answer stands for.

    No answer, 5xx, 408 -> UnavailableError; 429 and a rate limit's 403 -> RateLimitedError with its wait in
    seconds; an address that cannot be used -> SettingsError; every other status -> RefusedError.
    """
    if isinstance(found, httpx.Response):
        raise _from_status(found, what)
    if isinstance(found, httpx.HTTPStatusError):
        raise _from_status(found.response, what) from found
    if isinstance(found, httpx.LocalProtocolError):
        # Its text quotes the header that could not be sent, and that may be the token.
        raise _unsendable(what) from None
    if isinstance(found, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        raise SettingsError(_unusable_address(str(found))) from found
    if isinstance(found, httpx.HTTPError):
        raise _from_transport(found, what) from found
    raise found


def wait_seconds(response: httpx.Response, now: float) -> float:
    """How long a rate limit asks to wait, in seconds from `now` (an epoch time).

    `retry-after` first, then `x-ratelimit-reset` when nothing remains, then a minute:
    docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
    """
    headers = response.headers
    if "retry-after" in headers:
        return max(_retry_after(headers["retry-after"], now), SHORTEST_WAIT_SECONDS)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(float(reset) - now, SHORTEST_WAIT_SECONDS)
    return UNNAMED_WAIT_SECONDS


def is_rate_limit(response: httpx.Response) -> bool:
    """Whether an answer means "too many requests" and not "forbidden": GitHub uses 403 for both, and 429.

    docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return True
    if response.status_code != httpx.codes.FORBIDDEN:
        return False
    headers = response.headers
    exhausted = headers.get("x-ratelimit-remaining") == "0"
    return exhausted or "retry-after" in headers or any(word in words_of(response).lower() for word in RATE_WORDS)


def words_of(response: httpx.Response) -> str:
    """What an answer's body says, on one line: a JSON error's message and details, else the text's beginning."""
    try:
        body = documents.read_json(response.content, ANSWER_BYTES)
    except ValueError:
        return _one_line(response.text)
    if not isinstance(body, dict):
        return _one_line(response.text)
    details = body.get("errors")
    entries = details if isinstance(details, list) else []
    return _one_line("; ".join([str(body.get("message") or ""), *map(_detail, entries)]).strip("; "))


def place_of(response: httpx.Response) -> str:
    """Method and address of a request, without the query, which may carry a signature."""
    request = response.request
    return f"{request.method} {request.url.copy_with(query=None, userinfo=b'')}"


def unexpected(response: httpx.Response, what: str, expected: str) -> UnavailableError:
    """The error for an answer of the right status and the wrong form, as proxies and maintenance pages send."""
    kind = response.headers.get("content-type", "no content type")
    return UnavailableError(
        Problem(
            f"While {what}, {place_of(response)} answered {response.status_code} with {kind}: {words_of(response)!r}",
            f"{expected}, as the service documents it",
            f"{TRY_AGAIN}; if it stays, see whether a proxy answers in the service's place",
        )
    )


def _write(response: httpx.Response, part: Path, limit_bytes: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with part.open("wb") as file:
        for chunk in answers.pieces(response, limit_bytes):
            size += len(chunk)
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest(), size


def _from_status(response: httpx.Response, what: str) -> LockgateError:
    if is_rate_limit(response):
        return _rate_limited(response, what)
    seen = f"While {what}, {place_of(response)} answered {response.status_code}: {words_of(response)!r}"
    if response.is_server_error or response.status_code == httpx.codes.REQUEST_TIMEOUT:
        return UnavailableError(Problem(seen, "an answer that is no server error", TRY_AGAIN))
    if response.is_redirect:
        return RefusedError(_redirected(response, what))
    return RefusedError(Problem(seen, *_expectation(response)))


def _expectation(response: httpx.Response) -> tuple[str, str]:
    needed = response.headers.get("x-accepted-github-permissions")
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return ("a token that the service accepts", "make a new token (it may be expired, revoked or mistyped), set it")
    if response.status_code == httpx.codes.FORBIDDEN and needed:
        return (f"a token with the permission {needed}", f"give the token {needed} for this repository, or use another")
    if response.status_code == httpx.codes.FORBIDDEN:
        return ("a request that is allowed", "read the service's words above; see what the token and its owner may do")
    if response.status_code == httpx.codes.NOT_FOUND:
        permission = f" with the permission {needed}" if needed else ""
        return (
            "something that is there and that the token may see (GitHub answers 404 where it will not tell)",
            f"check the name and the address, and that the token was made for this repository{permission}",
        )
    return ("a request that the service accepts", "read the service's words above, put right what they name, run again")


def _rate_limited(response: httpx.Response, what: str) -> RateLimitedError:
    seconds = wait_seconds(response, time.time())
    problem = Problem(
        f"While {what}, {place_of(response)} answered {response.status_code}: {words_of(response)!r}",
        "a request rate that the service allows",
        f"wait {seconds:.0f} seconds, as it asks; {TRY_AGAIN}",
    )
    return RateLimitedError(problem, wait_seconds=seconds)


def _redirected(response: httpx.Response, what: str) -> Problem:
    target = _one_line(response.headers.get("location", "").partition("?")[0])
    return Problem(
        f"While {what}, {place_of(response)} answered {response.status_code} and points to {target!r}",
        "an answer from the address itself: nothing is sent on to another one",
        "if the repository or project was renamed or moved, set its new address",
    )


def _from_transport(error: httpx.HTTPError, what: str) -> UnavailableError:
    place = ""
    if isinstance(error, httpx.RequestError) and error._request is not None:  # noqa: SLF001 - .request raises when unset
        place = f" at {error.request.url.host}"
    seen = f"While {what}, no complete answer came{place}: {type(error).__name__}: {_one_line(str(error))}"
    return UnavailableError(Problem(seen, "an answer", f"{TRY_AGAIN}; if it stays, check network, proxy and address"))


def _unsendable(what: str) -> RefusedError:
    return RefusedError(
        Problem(
            f"While {what}, the request could not be put together: a header holds a character that HTTP forbids",
            "headers of plain characters",
            "check the token: a line break or a space was probably copied along with it",
        )
    )


def _unusable_address(address: str) -> Problem:
    return Problem(f"The address cannot be used: {address}", "an http:// or https:// address", "correct the setting")


def _endless(
    error: answers.AnswerError, what: str, place: str, limit_bytes: int, seconds: float
) -> RefusedError | UnavailableError:
    """The error for an answer that was not read to its end."""
    if isinstance(error, answers.TooLargeError):
        return refused(
            f"While {what}, {place} sent more than {limit_bytes} bytes", f"at most {limit_bytes} bytes",
            "look at it in the browser; nothing of it was kept",
        )  # fmt: skip
    if isinstance(error, answers.TooSlowError):
        return unavailable(
            f"While {what}, the whole answer of {place} did not come within {seconds:.0f} s",
            "an answer in time",
            TRY_AGAIN,
        )
    return unavailable(
        f"While {what}, {place} sent a body in a coding that was not asked for, or a broken one", "plain bytes, or gzip once",
        f"{TRY_AGAIN}; if it stays, see whether a proxy answers in the service's place",
    )  # fmt: skip


def _retry_after(value: str, now: float) -> float:
    """Seconds; the header is a number or a date: RFC 9110, 10.2.3."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return parsedate_to_datetime(value).timestamp() - now
    except ValueError:
        return UNNAMED_WAIT_SECONDS


def _detail(entry: object) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    names = (str(entry[key]) for key in ("resource", "field", "code") if entry.get(key))
    message = entry.get("message")
    return " ".join(names) + (f" ({message})" if message else "")


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * LONGEST_QUOTE]).split())
    return line if len(line) <= LONGEST_QUOTE else line[:LONGEST_QUOTE] + "…"
