"""How the modules for GitHub ask its REST API: headers, JSON, pages, conditional requests.

A foundation of clients/github*.py and of nothing else. Functions return data; statuses that mean something to the
caller are named by the caller, and all others are translated by clients/http.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from clients import http
from lockgate.errors import Problem, UnavailableError
from lockgate.github import GitHub

# Both served versions are the same for what is used here; this one is also known to older GitHub servers:
# docs.github.com/en/rest/about-the-rest-api/api-versions
API_VERSION = "2022-11-28"
PAGE = 100  # entries, the most that GitHub gives at once
MOST_PAGES = 100  # GitHub lists no more than 10 000 entries of anything

T = TypeVar("T")
Memory = dict[str, tuple[str, Any]]
"""What a poll remembers between its requests: address -> (ETag, the JSON that came with it). Held by the caller."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """What GitHub would not show, and what it said instead."""

    words: str


def opener(hub: GitHub) -> httpx.Client:
    """A client for the hub's API with GitHub's headers and the token, if there is one."""
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION}
    if hub.token:
        headers["Authorization"] = f"Bearer {hub.token.reveal()}"
    return http.client(hub.api_url, headers)


def path_of(hub: GitHub, *parts: str | int) -> str:
    """A path below the repository, each part quoted: no tag or name can leave its place."""
    return "/".join(["/repos", hub.slug, *(quote(str(part), safe="") for part in parts)])


def observe(
    hub: GitHub,
    path: str,
    *,
    what: str,
    missing: Collection[int] = (404,),
    query: Mapping[str, str | int] | None = None,
    memory: Memory | None = None,
) -> Any | None:
    """The JSON at a path; None for a status in `missing`. With `memory` the request is conditional.

    An answer 304 costs nothing of the rate limit (docs.github.com, best practices) and gives what is remembered.
    """
    with opener(hub) as client:
        return _observe(client, path, what, missing, query, memory)


def observe_pages(
    hub: GitHub, path: str, *, what: str, key: str = "", query: Mapping[str, str | int] | None = None
) -> tuple[Any, ...]:
    """Every entry of a list in pages; `key` names the list in answers that wrap it.

    docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
    """
    with opener(hub) as client:
        return tuple(_pages(client, path, what, key, (), query))


def see_pages(
    hub: GitHub, path: str, *, what: str, unseen: Collection[int], query: Mapping[str, str | int] | None = None
) -> tuple[Any, ...] | Unseen:
    """Every entry of a list in pages, or Unseen when GitHub answers with one of these statuses: that is not an empty list."""
    with opener(hub) as client:
        entries = tuple(_pages(client, path, what, "", unseen, query))
    return next((entry for entry in entries if isinstance(entry, Unseen)), entries)


def act(
    hub: GitHub,
    method: str,
    path: str,
    *,
    what: str,
    expected: Collection[int],
    body: Mapping[str, Any] | None = None,
    advice: Mapping[int, str] | None = None,
) -> Any:
    """The one request of a move: its JSON, or None for an answer without a body; every status not expected raises.

    `advice` is added to the error's words for its status.
    """
    with opener(hub) as client:
        response = http.send(client, method, path, what=what, json=None if body is None else dict(body))
        if response.status_code not in expected:
            hint = (advice or {}).get(response.status_code, "")
            http.translate(response, f"{what}, {hint}" if hint else what)
        return http.read_json(response, what) if response.content.strip() else None


def read_as(kind: type[T], data: object, what: str) -> T:
    """JSON read into a value's class; a form that GitHub does not document is taken for an outage.

    Raises UnavailableError that names the fields.
    """
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
        raise UnavailableError(
            Problem(
                f"While {what}, GitHub's answer had not the documented form: {fields}",
                f"the fields of {kind}",
                f"{http.TRY_AGAIN}; if it stays, GitHub's API or something between here and there has changed",
            )
        ) from None


def _observe(
    client: httpx.Client,
    path: str,
    what: str,
    missing: Collection[int],
    query: Mapping[str, str | int] | None,
    memory: Memory | None,
) -> Any | None:
    address = str(client.build_request("GET", path, params=query).url)
    etag, remembered = (memory or {}).get(address, ("", None))
    headers = {"If-None-Match": etag} if etag else {}
    response = http.send(client, "GET", address, what=what, headers=headers)
    if etag and response.status_code == httpx.codes.NOT_MODIFIED:
        return remembered
    if response.status_code in missing and not http.is_rate_limit(response):
        return None
    if response.status_code != httpx.codes.OK:
        http.translate(response, what)
    data = http.read_json(response, what)
    if memory is not None and "etag" in response.headers:
        memory[address] = (response.headers["etag"], data)
    return data


def _pages(
    client: httpx.Client,
    path: str,
    what: str,
    key: str,
    unseen: Collection[int],
    query: Mapping[str, str | int] | None,
) -> Iterator[Any]:
    url = path
    params: Mapping[str, str | int] | None = {"per_page": PAGE, **(query or {})}
    for _ in range(MOST_PAGES):
        response = http.send(client, "GET", url, what=what, params=params)
        if response.status_code in unseen and not http.is_rate_limit(response):
            yield Unseen(http.words_of(response))
            return
        if response.status_code != httpx.codes.OK:
            http.translate(response, what)
        data = http.read_json(response, what)
        entries = data.get(key) if key and isinstance(data, dict) else data
        if not isinstance(entries, list):
            raise http.unexpected(response, what, "a list")
        yield from entries
        following = response.links.get("next", {}).get("url")
        if not following:
            return
        url, params = _same_origin(response, following, what), None
    raise http.unexpected(response, what, f"at most {MOST_PAGES} pages")


def _same_origin(response: httpx.Response, following: str, what: str) -> str:
    """The next page's address; it is asked with the token, so it must not lead to another host."""
    here, there = response.request.url, response.request.url.join(following)
    if (here.scheme, here.host, here.port) != (there.scheme, there.host, there.port):
        raise http.unexpected(response, what, "a next page on the same host")
    return str(there)
