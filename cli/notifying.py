"""`lockgate notify`: who is told when a release waits, stops or is out."""

from __future__ import annotations

import json
from typing import Annotated

from cyclopts import Parameter

from cli.console import open_console
from cli.running import mind_packages, told


def notify(
    block: Annotated[str, Parameter(help="The notification block, as TYPE/NAME: slack-webhook/releases.")],
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print JSON on standard output.")] = False,
) -> int:
    """Notify through a BLOCK of Prefect when a release waits for a person, stops, or is out.

    The automations and the reminders' schedule are made or brought up to date on the server of PREFECT_API_URL, or of this
    machine's `lockgate up`.
    """
    console = open_console(as_json=as_json)

    def make() -> None:
        from cli.runs import connected

        mind_packages(console, starts=False)
        with connected():
            # Only now: Prefect reads its server's address when it is loaded.
            from flows.notifying import notify_through, remind_through

            names = notify_through(block)
            for name in names:
                console.print(f"automation {name!r} notifies through {block}")
            remind_through(block)
            console.print(f"the reminders go through {block}")
            if as_json:
                print(json.dumps({"block": block, "automations": names}))

    return told(console, make, as_json=as_json)
