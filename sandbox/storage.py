"""The other origin that GitHub's redirects lead to: signed links to logs and assets, valid for one minute."""

from __future__ import annotations

import hashlib
import hmac
import time
from pathlib import Path
from urllib.parse import quote, unquote

from sandbox.context import Context
from sandbox.serving import Call, Reply, text_reply

LINK_SECONDS = 60


def _signature(context: Context, path: str, expires: int) -> str:
    secret = str(context.settings["link_secret"]).encode()
    return hmac.new(secret, f"{path}:{expires}".encode(), hashlib.sha256).hexdigest()


def signed_link(context: Context, path: Path, name: str) -> str:
    """A link to a file below the sandbox's folder, valid for a minute."""
    inside = path.relative_to(context.state.folder).as_posix()
    expires = int(time.time()) + LINK_SECONDS
    signature = _signature(context, inside, expires)
    return f"{context.addresses['storage']}/{quote(inside)}?se={expires}&sig={signature}&rscd={quote(name)}"


def handle_storage(context: Context, call: Call) -> Reply:
    """Answer a download; 400 when the request carries Authorization, 403 for a wrong or old signature."""
    if "authorization" in call.headers:
        return text_reply("<Error><Code>InvalidAuthenticationInfo</Code></Error>", 400, "application/xml")
    inside = unquote(call.path.lstrip("/"))
    expires = call.query.get("se", "0")
    expected = _signature(context, inside, int(expires)) if expires.isdigit() else "none"
    if not hmac.compare_digest(call.query.get("sig", ""), expected) or int(expires) < time.time():
        return text_reply("<Error><Code>AuthenticationFailed</Code></Error>", 403, "application/xml")
    name = call.query.get("rscd", "download")
    kind = "application/zip" if inside.endswith(".zip") else "application/octet-stream"
    kind = "text/plain" if inside.endswith(".txt") else kind
    headers = {"content-type": kind, "content-disposition": f"attachment; filename={name}"}
    return Reply(200, (context.state.folder / inside).read_bytes(), headers)
