"""`lockgate notify`: who is told when a release waits, stops or is out."""

from __future__ import annotations

from cli.running import open_console, told


def notify(block: str, /) -> int:
    """Let Prefect notify through BLOCK (TYPE/NAME) when a release waits for a person, stops, or is released.

    The automations and the reminders' schedule are made or brought up to date on the server of
    PREFECT_API_URL, or of this machine's `lockgate up`.
    """
    console = open_console(as_json=False)

    def make() -> None:
        from cli.runs import connected

        with connected():
            # Only now: Prefect reads its server's address when it is loaded.
            from flows.notifying import notify_through, remind_through

            for name in notify_through(block):
                console.print(f"automation {name!r} notifies through {block}", highlight=False)
            remind_through(block)
            console.print(f"the reminders go through {block}", highlight=False)

    return told(console, make)
