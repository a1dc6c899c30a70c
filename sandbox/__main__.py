"""`python -m sandbox DIR [--repository PATH --as OWNER/NAME]`: serve until stopped."""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
from pathlib import Path

from sandbox.context import SETTINGS
from sandbox.world import BANNER, Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Create or open the sandbox in DIR and serve it until SIGINT or SIGTERM; 2 with words for what cannot be served."""
    options = _parse(arguments)
    try:
        sandbox = _open_or_create(options)
    except ValueError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    heard, said = socket.socketpair()
    said.setblocking(False)
    signal.set_wakeup_fd(said.fileno())  # unlike a lock that a handler sets, it can neither block nor miss the signal
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with sandbox:
        print(_announcement(sandbox, as_json=options.json), flush=True)
        heard.recv(1)
    return 0


def _open_or_create(options: argparse.Namespace) -> Sandbox:
    if options.repository is None or (options.folder / SETTINGS).exists():
        return Sandbox.open(options.folder)
    return Sandbox.create(options.folder, options.repository, options.slug)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Stand-ins for origin, GitHub and the index")
    parser.add_argument("folder", metavar="DIR", type=Path, help="where the sandbox keeps its state")
    parser.add_argument("--repository", type=Path, help="the repository to clone as origin (only read)")
    parser.add_argument("--as", dest="slug", metavar="OWNER/NAME", default="example/project", help="its name on GitHub")
    parser.add_argument("--json", action="store_true", help="print one JSON line with the addresses when ready")
    return parser.parse_args(arguments)


def _announcement(sandbox: Sandbox, *, as_json: bool) -> str:
    """What to export; as JSON one line with the addresses and the environment."""
    addresses = {"origin": sandbox.origin_url, "github": sandbox.github_url, "api": sandbox.api_url}
    if as_json:
        return json.dumps({**addresses, "index": sandbox.index_url, "environment": sandbox.environment})
    exports = "\n".join(f"export {name}={value}" for name, value in sandbox.environment.items())
    return (
        f"{BANNER}\n\norigin  {sandbox.origin_url}\nindex   {sandbox.index_url}\nstate   {sandbox.folder}\n\n{exports}"
    )


if __name__ == "__main__":
    sys.exit(main())
