"""Asks in the terminal what a waiting run asks, and resumes it with the answer."""

from __future__ import annotations

import getpass
import time
from uuid import UUID

from rich.console import Console
from rich.markdown import Markdown
from rich.prompt import Prompt

from lockgate.waiting import Waiting

LOOK_AGAIN_SECONDS = 0.2


def ask(console: Console, waiting: Waiting) -> None:
    """Show the brief, ask for each field of the form, and resume the run; whoever answers first counts, here or in the pages."""
    console.rule("a person decides")
    console.print(Markdown(waiting.brief))
    answer = {"decision": Prompt.ask("Decision", choices=list(waiting.decisions), console=console)}
    for field in waiting.fields:
        default = getpass.getuser() if field == "approver" else ""
        answer[field] = Prompt.ask(field.capitalize(), default=default, show_default=bool(default), console=console)
    resume(UUID(waiting.run_id), answer)


def resume(run_id: UUID, answer: dict[str, str]) -> None:
    """Hand the answer to the waiting run; tries again until Prefect has taken it or the run does not wait any more."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.responses import SetStateStatus

    with get_client(sync_client=True) as client:
        while True:
            response = client.resume_flow_run(run_id, run_input=answer)
            if response.status == SetStateStatus.ACCEPT or _is_over(client.read_flow_run(run_id)):
                return
            time.sleep(LOOK_AGAIN_SECONDS)


def _is_over(run: object) -> bool:
    state = getattr(run, "state", None)
    return state is None or state.is_final()
