"""The REST API's frame: routes, the token and its permissions, unknown fields, conditional requests, pages.

Source: https://docs.github.com/en/rest/using-the-rest-api
"""

from __future__ import annotations

import hashlib
import math
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlencode

from starlette.routing import compile_path

from sandbox.context import Context
from sandbox.git_http import credentials
from sandbox.release_store import ReleaseNotFoundError, ReleaseRefusedError
from sandbox.serving import Call, Reply, json_reply, with_params
from sandbox.state import JSON

DOCS = "https://docs.github.com/rest"
LEVELS = {"none": 0, "read": 1, "write": 2}
PAGE_FIELDS = frozenset({"per_page", "page"})
MOST_PER_PAGE = 100
HOURLY_LIMIT = 5000

Endpoint = Callable[[Context, Call], Reply]


@dataclass(frozen=True)
class Route:
    """One documented endpoint: what the token needs (`contents=write`), which query parameters and body fields exist."""

    method: str
    pattern: re.Pattern[str]
    endpoint: Endpoint
    needs: str
    query: frozenset[str]
    body: frozenset[str]
    raw: bool

    def match(self, path: str) -> dict[str, str] | None:
        """The values in the path when it is this route's, None otherwise."""
        found = self.pattern.match(path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


ROUTES: list[Route] = []


class ProblemError(Exception):
    """An answer that ends the handling of a request early."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def route(
    method: str, template: str, *, needs: str = "metadata=read", query: Iterable[str] = (), body: Iterable[str] = (),
    raw: bool = False,
) -> Callable[[Endpoint], Endpoint]:  # fmt: skip
    """Register an endpoint under /repos/{owner}/{repo}, or elsewhere when the template starts with two slashes."""

    def register(endpoint: Endpoint) -> Endpoint:
        path = template[1:] if template.startswith("//") else f"/repos/{{owner}}/{{repo}}{template}"
        base = "/api/uploads" if raw else "/api/v3"
        pattern = compile_path(base + path)[0]
        ROUTES.append(Route(method, pattern, endpoint, needs, frozenset(query), frozenset(body), raw))
        return endpoint

    return register


def error(status: int, message: str, page: str = "", **more: object) -> ProblemError:
    """A basic error as GitHub words it; the status in the body is a text."""
    document = {"message": message, "documentation_url": f"{DOCS}{page}", "status": str(status), **more}
    return ProblemError(json_reply(document, status))


def not_found(page: str = "") -> ProblemError:
    """404, also for what the token may not see."""
    return error(404, "Not Found", page)


def invalid(message: str, errors: list[JSON] | None = None) -> ProblemError:
    """422 with the list of what was wrong."""
    return error(422, message) if errors is None else error(422, message, "", errors=errors)


def handle_api(context: Context, call: Call) -> Reply:
    """Answer one REST request; what is not documented is answered as GitHub would, and noted as a problem."""
    try:
        reply = _dispatch(context, call)
    except ProblemError as problem:
        reply = problem.reply
    except ReleaseNotFoundError:
        reply = not_found("/releases/releases").reply
    except ReleaseRefusedError as refused:
        reply = invalid(refused.message, refused.errors).reply
    return _finish(context, call, reply)


def _dispatch(context: Context, call: Call) -> Reply:
    method = "GET" if call.method == "HEAD" else call.method
    for candidate in ROUTES:
        params = candidate.match(call.path) if candidate.method == method else None
        if params is not None:
            call = with_params(call, params)
            _authorise(context, call, candidate)
            _check_fields(context, call, candidate)
            with context.state.lock:
                return candidate.endpoint(context, call)
    context.state.record_problem(f"GitHub documents no {call.method} {call.path}, or the sandbox does not know it")
    raise not_found()


def _authorise(context: Context, call: Call, route: Route) -> None:
    header = call.headers.get("authorization", "")
    token = credentials(header)[1]
    known = secrets.compare_digest(token.encode(), str(context.settings["token"]).encode())
    if header and not known:
        raise error(401, "Bad credentials")
    _check_repository(context, call)
    if not header and context.repository.get("private"):
        raise not_found()
    name, _, level = route.needs.partition("=")
    if not header and (level == "write" or name in ("administration", "user")):
        raise error(401, "Requires authentication")
    if header and name not in ("user", "none") and LEVELS[context.permission(name)] < LEVELS[level]:
        problem = error(403, "Resource not accessible by personal access token")
        accepted = {**problem.reply.headers, "x-accepted-github-permissions": route.needs}
        raise ProblemError(replace(problem.reply, headers=accepted))
    if level == "write" and context.repository.get("archived"):
        raise error(403, "Repository was archived so is read-only.")


def _check_repository(context: Context, call: Call) -> None:
    """404 for another repository, 301 for this one under a name that it had before."""
    named = f"{call.params.get('owner', '')}/{call.params.get('repo', '')}".lower()
    if "owner" not in call.params or named == context.slug.lower():
        return
    if named != str(context.repository.get("former_slug", "")).lower():
        raise not_found()
    url = context.web + re.sub("/repos/[^/]+/[^/]+", f"/repos/{context.slug}", call.path, count=1)
    moved = error(301, "Moved Permanently", "/guides/best-practices-for-using-the-rest-api#follow-redirects", url=url)
    raise ProblemError(replace(moved.reply, headers={**moved.reply.headers, "location": url}))


def is_authenticated(call: Call) -> bool:
    """Whether the request carries a token (a wrong one never gets this far)."""
    return bool(call.headers.get("authorization"))


def _check_fields(context: Context, call: Call, route: Route) -> None:
    unknown = sorted(set(call.query) - route.query - (PAGE_FIELDS if call.method == "GET" else set()))
    if not route.raw and call.method != "GET":
        try:
            unknown += sorted(set(call.json()) - route.body)
        except ValueError as broken:
            raise error(400, "Problems parsing JSON") from broken
    if unknown:
        context.state.record_problem(f"{call.method} {call.path}: not documented: {', '.join(unknown)}")
        raise invalid(f"Invalid request.\n\nFor 'properties/{unknown[0]}', this is not a permitted key.")


def remaining_requests(context: Context) -> int:
    """How many requests the hour still allows."""
    return int(context.repository.get("rate_remaining", HOURLY_LIMIT - 1))


def _finish(context: Context, call: Call, reply: Reply) -> Reply:
    """The headers of every answer, and 304 when the caller has this very body."""
    used = HOURLY_LIMIT - remaining_requests(context)
    headers = {
        "x-ratelimit-limit": str(HOURLY_LIMIT),
        "x-ratelimit-remaining": str(HOURLY_LIMIT - used),
        "x-ratelimit-used": str(used),
        "x-ratelimit-reset": str((int(time.time()) // 3600 + 1) * 3600),
        "x-ratelimit-resource": "core",
        "x-github-media-type": "github.v3; format=json",
        "x-github-api-version-selected": call.headers.get("x-github-api-version", "2022-11-28"),
        "x-github-request-id": secrets.token_hex(8).upper(),
        **reply.headers,
    }
    if call.method == "GET" and reply.status == 200:
        headers["etag"] = f'W/"{hashlib.sha256(reply.body).hexdigest()}"'
        if call.headers.get("if-none-match") == headers["etag"]:
            return Reply(304, b"", headers)
    return replace(reply, headers=headers)


def page_of(context: Context, call: Call, items: list[JSON], key: str = "", **more: object) -> Reply:
    """One page of a list with its Link header; under a key with total_count where GitHub wraps the list."""
    size = min(_positive(call, "per_page", 30), MOST_PER_PAGE)
    number = _positive(call, "page", 1)
    shown = items[(number - 1) * size : number * size]
    last = max(1, math.ceil(len(items) / size))
    targets = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    wanted = {"prev": number > 1, "next": number < last, "last": number < last, "first": number > 1}
    links = [f'<{_page_url(context, call, targets[rel])}>; rel="{rel}"' for rel in targets if wanted[rel]]
    document = {"total_count": len(items), **more, key: shown} if key else shown
    return json_reply(document, headers={"link": ", ".join(links)} if links else {})


def require_login(call: Call) -> None:
    """Refuse who is not known; logs are not given to them even of a public repository."""
    if not is_authenticated(call):
        raise error(403, "Must have admin rights to Repository.")


def _positive(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    return max(1, int(text)) if text.isdigit() else default


def _page_url(context: Context, call: Call, number: int) -> str:
    return f"{context.web}{call.path}?{urlencode({**call.query, 'page': number})}"
