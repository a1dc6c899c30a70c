"""Prefect's server for this machine alone, as a process: `python -m cli.pages PORT`.

It is Prefect's own application behind one check that Prefect lacks: a request whose Host header names another machine is refused,
since a page elsewhere can let its own name lead here (DNS rebinding). Password and origins are Prefect's own settings.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
NAMES = (LOOPBACK, "localhost")
PAGES_API = "PREFECT_SERVER_UI_API_URL"
ORIGINS = ("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS")


def own_settings(port: int, auth: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What the server's process gets in its environment: where its pages are, who may read answers, the password.

    Without it the pages would look for the API at the default port. PREFECT_SERVER_UI_API_URL names another address where a
    proxy stands before the server.
    """
    api = environ.get(PAGES_API) or f"http://{LOOPBACK}:{port}/api"
    parts = urlsplit(api)
    origins = dict.fromkeys([f"{parts.scheme}://{parts.netloc}", *(f"http://{name}:{port}" for name in NAMES)])
    allowed = next((environ[name] for name in ORIGINS if environ.get(name)), ",".join(origins))
    return {PAGES_API: api, **dict.fromkeys(ORIGINS, allowed), "PREFECT_SERVER_API_AUTH_STRING": auth}


def hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names by which the server may be called."""
    named = urlsplit(environ.get(PAGES_API, "")).hostname
    return tuple(dict.fromkeys((*NAMES, *([named] if named else []))))


def main(port: int) -> None:
    """Serve until a signal; without a password it does not start."""
    if not os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        sys.exit("PREFECT_SERVER_API_AUTH_STRING is not set: this server does not run without a password")
    os.environ["PREFECT__SERVER_FINAL"] = "1"
    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.settings import PREFECT_SERVER_LOGGING_LEVEL
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = TrustedHostMiddleware(create_app(), allowed_hosts=hosts(os.environ), www_redirect=False)
    level = str(PREFECT_SERVER_LOGGING_LEVEL.value()).lower()
    uvicorn.run(app, host=LOOPBACK, port=port, log_level=level)


if __name__ == "__main__":
    main(int(sys.argv[1]))
