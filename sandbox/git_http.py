"""Smart HTTP for origin through git's own http-backend (gitprotocol-http(5), git-http-backend(1))."""

from __future__ import annotations

import base64
import binascii
import gzip
import secrets
import subprocess
from pathlib import Path

from sandbox.context import Context
from sandbox.events import PENDING_PUSH, after_push, refusals_of
from sandbox.git_repository import git_environment
from sandbox.release_store import lose_tags
from sandbox.serving import Call, Reply, text_reply
from sandbox.state import JSON

BACKEND_TIMEOUT_SECONDS = 600
FLUSH = b"0000"


def credentials(header: str) -> tuple[str, str]:
    """User and password of an Authorization header; scheme names are case-insensitive (RFC 9110, 11.1)."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return "", value.strip()
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def handle_git(context: Context, call: Call) -> Reply:
    """Answer one git request; 401 without the token where one is needed, 403 for a token that may not write."""
    inside = call.path.split(".git/", 1)[1]
    service = call.query.get("service", inside)
    if call.path.split(".git/", 1)[0].lower() != f"/{context.slug}".lower() or inside not in _KNOWN:
        return text_reply("Repository not found.", 404)
    refused = _authorise(context, call, writes=service == "git-receive-pack")
    if refused is not None:
        return refused
    body = gzip.decompress(call.body) if call.headers.get("content-encoding") in ("gzip", "x-gzip") else call.body
    if inside != "git-receive-pack":
        return _backend(context, call, body)
    return _receive(context, call, body)


_KNOWN = ("info/refs", "git-upload-pack", "git-receive-pack")


def _authorise(context: Context, call: Call, *, writes: bool) -> Reply | None:
    header = call.headers.get("authorization", "")
    if not header and not writes and not context.repository.get("private"):
        return None
    _, token = credentials(header)
    if not secrets.compare_digest(token.encode(), str(context.settings["token"]).encode()):
        reply = text_reply("Bad credentials" if header else "No anonymous write access.", 401)
        return Reply(401, reply.body, {**reply.headers, "www-authenticate": 'Basic realm="GitHub"'})
    if writes and (context.permission("contents") != "write" or context.permission("push") != "true"):
        login = context.settings["login"]
        return text_reply(f"Permission to {context.slug}.git denied to {login}.", 403)
    if writes and context.repository.get("archived"):
        return text_reply("This repository was archived so it is read-only.", 403)
    return None


def _receive(context: Context, call: Call, body: bytes) -> Reply:
    """Carry out a push as GitHub would: rules first, then git, then the workflows of every changed ref."""
    commands = parse_commands(body)
    with context.state.lock:
        refused = refusals_of(context, commands)
        if refused:
            return _refuse(refused, commands)
        before = context.origin.refs()
        context.state.write(PENDING_PUSH, {"before": before})
        reply = _backend(context, call, body)
        after = context.origin.refs()
        after_push(context, before, after)
        lose_tags(context, sorted(set(before) - set(after)))
        context.state.remove(PENDING_PUSH)
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    what = "pushed " + ", ".join(changed) if changed else ""
    return Reply(reply.status, reply.body, reply.headers, what)


def parse_commands(body: bytes) -> list[JSON]:
    """The `old new ref` commands at the start of a receive-pack request (gitprotocol-pack(5))."""
    commands, position = [], 0
    while body[position : position + 4] not in (FLUSH, b""):
        length = int(body[position : position + 4], 16)
        line = body[position + 4 : position + length].split(b"\0")[0].decode().strip()
        position += length
        parts = line.split(" ", 2)
        if len(parts) == 3:
            commands.append({"old": parts[0], "new": parts[1], "ref": parts[2]})
    return commands


def _packet(content: bytes) -> bytes:
    return f"{len(content) + 4:04x}".encode() + content


def _refuse(refused: JSON, commands: list[JSON]) -> Reply:
    """Git's report of a refused push, in the words GitHub uses for rule violations."""
    output = b"".join(_packet(b"\x02" + line.encode() + b"\n") for line in refused["text"].splitlines())
    report = _packet(b"unpack ok\n")
    for command in commands:
        report += _packet(f"ng {command['ref']} {refused['reason']}\n".encode())
    body = output + _packet(b"\x01" + report + FLUSH) + FLUSH
    return Reply(200, body, {"content-type": "application/x-git-receive-pack-result", "cache-control": "no-cache"})


def _backend(context: Context, call: Call, body: bytes) -> Reply:
    folder = context.state.folder
    environment = {
        **git_environment(folder),
        "GIT_PROJECT_ROOT": str(folder.absolute()),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": "/origin.git/" + call.path.split(".git/", 1)[1],
        "QUERY_STRING": "&".join(f"{key}={value}" for key, value in call.query.items()),
        "REQUEST_METHOD": call.method,
        "CONTENT_TYPE": call.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_USER": str(context.settings["login"]),
        "REMOTE_ADDR": "127.0.0.1",
        "GIT_PROTOCOL": call.headers.get("git-protocol", ""),
    }
    result = subprocess.run(
        [backend_path()], input=body, capture_output=True, env=environment, timeout=BACKEND_TIMEOUT_SECONDS, check=False
    )
    head, _, content = result.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    lowered = {name.lower(): value for name, value in headers.items()}
    status = int(lowered.pop("status", "200").split()[0])
    return Reply(status, content, lowered)


def backend_path() -> str:
    """Where git's http-backend is; raises FileNotFoundError when this git has none."""
    command = ["git", "--exec-path"]
    folder = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    program = Path(folder) / "git-http-backend"
    if not program.exists():
        raise FileNotFoundError(f"{program} is missing; the sandbox needs a git with its http-backend")
    return str(program)
