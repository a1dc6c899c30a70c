"""HTTP on loopback: one request in, one reply out, with the request faults and the journal around every service."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.context import Context
from sandbox.faults import REQUEST_FAULTS, Fault
from sandbox.state import JSON

LOOPBACK = "127.0.0.1"
STOP_TIMEOUT_SECONDS = 5
OPEN: dict[tuple[Any, Any], asyncio.Transport] = {}


@dataclass(frozen=True)
class Call:
    """One request: the path as it was sent (not decoded), header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> JSON:
        """The body as a JSON object; an empty body is an empty object. Raises ValueError for anything else."""
        document = json.loads(self.body or b"{}")
        if not isinstance(document, dict):
            raise ValueError("Body should be a JSON object")  # noqa: TRY004
        return document


@dataclass(frozen=True)
class Reply:
    """One answer; `changed` says in words what the request changed, empty when nothing."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    changed: str = ""


def json_reply(
    document: object, status: int = 200, *, changed: str = "", headers: Mapping[str, str] | None = None
) -> Reply:
    """An answer whose body is JSON."""
    content = json.dumps(document).encode()
    return Reply(status, content, {"content-type": "application/json; charset=utf-8", **(headers or {})}, changed)


def text_reply(text: str, status: int = 200, kind: str = "text/plain") -> Reply:
    """An answer whose body is text."""
    return Reply(status, text.encode(), {"content-type": f"{kind}; charset=utf-8"})


class Connection(H11Protocol):
    """Uvicorn's own connection, remembered so that a fault can close it without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the transport of the connection."""
        super().connection_made(transport)
        OPEN[self.server, self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        OPEN.pop((self.server, self.client), None)
        super().connection_lost(exc)


class Service:
    """One stand-in as an ASGI application; `handle` answers a request and raises nothing for a bad one."""

    def __init__(self, name: str, context: Context, handle: Callable[[Call], Reply]) -> None:
        self.name = name
        self.context = context
        self.handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or close its connection when a fault says so."""
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        path = scope["raw_path"].split(b"?")[0].decode("ascii", "replace")
        query = dict(parse_qsl(scope["query_string"].decode("ascii", "replace"), keep_blank_values=True))
        call = Call(request.method, path, query, dict(request.headers), body)
        reply = await asyncio.to_thread(self.answer, call)
        if reply is None:
            await _drop(scope, receive)
            return
        headers = {"server": "lockgate-sandbox", **reply.headers}
        content = b"" if call.method == "HEAD" else reply.body
        await Response(content, reply.status, headers)(scope, receive, send)

    def answer(self, call: Call) -> Reply | None:
        """The reply to a call, None when the connection shall close without one."""
        name = "origin" if self.name == "github" and ".git/" in call.path else self.name
        subject = f"{call.method} {call.path}"
        ours = call.path.startswith("/_sandbox/")
        fault = None if ours else self.context.faults.take(REQUEST_FAULTS, name, subject)
        if fault is not None:
            refused = _before(self.context, fault)
            if refused is not None:
                return refused if refused.status else None
        reply = self.handle(call)
        if reply.changed:
            self.context.state.record_change(name, call.method, call.path, reply.status, reply.changed)
        if fault is not None and fault.name == "kill-caller":
            _kill(fault)
        return None if fault is not None and fault.name in ("drop-reply", "kill-caller") else reply


NO_REPLY = Reply(status=0)


def _before(context: Context, fault: Fault) -> Reply | None:
    """What a fault does before the request is carried out; a reply when it shall not be carried out at all."""
    options = fault.options
    if fault.name == "refuse":
        return NO_REPLY
    if fault.name == "error":
        status = int(options.get("status", 502))
        return json_reply({"message": "Server Error", "status": str(status)}, status)
    if fault.name == "rate-limit":
        return _rate_limit(options)
    if fault.name == "kill-caller" and options.get("when") == "before":
        _kill(fault)
        return NO_REPLY
    if fault.name == "moved-main":
        context.move_main(options)
    return None


def _kill(fault: Fault) -> None:
    os.kill(int(fault.options["pid"]), signal.SIGKILL)


def _rate_limit(options: Mapping[str, Any]) -> Reply:
    """GitHub's two limits (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api)."""
    wait = int(options.get("retry_after", 1))
    status = int(options.get("status", 403))
    page = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
    if options.get("primary"):
        headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-used": "5000"}
        headers |= {"x-ratelimit-reset": str(int(time.time()) + wait), "x-ratelimit-resource": "core"}
        message = "API rate limit exceeded for user ID 1."
    else:
        headers = {"retry-after": str(wait)}
        message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    document = {"message": message, "documentation_url": page, "status": str(status)}
    return json_reply(document, status, headers=headers)


async def _drop(scope: Scope, receive: Receive) -> None:
    transport = OPEN.get((scope["server"], scope["client"]))
    if transport is not None:
        transport.abort()
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()


def listen(port: int) -> socket.socket:
    """A listening socket on loopback: the port that was asked for when it is free, else another."""
    for candidate in (port, 0):
        # asyncio turns Nagle's delay (40 ms an answer) off only for sockets that name their protocol.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, candidate))
        except OSError:
            listener.close()
            continue
        listener.listen(128)
        return listener
    raise RuntimeError("No port on 127.0.0.1 could be bound for the sandbox; free some ports and start it again")


class Server:
    """One uvicorn server in a daemon thread; connections queue from the moment it was made."""

    def __init__(self, application: Service, listener: socket.socket) -> None:
        config = uvicorn.Config(
            application, http=Connection, ws="none", loop="asyncio", lifespan="off", log_config=None, log_level="error",
            access_log=False, proxy_headers=False, server_header=False, timeout_graceful_shutdown=1, timeout_keep_alive=30,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name=f"sandbox-{application.name}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ask the server to end, with its open connections."""
        self._server.should_exit = True

    def join(self) -> None:
        """Wait until the server has ended, a few seconds at most."""
        self._thread.join(STOP_TIMEOUT_SECONDS)


def with_params(call: Call, params: Mapping[str, str]) -> Call:
    """The call with the values that its path holds."""
    return replace(call, params=params)
