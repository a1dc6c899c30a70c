"""Asks in the terminal what a waiting run asks, and resumes it with the answer."""

from __future__ import annotations

import getpass
import time
from pathlib import Path
from uuid import UUID

from rich.console import Console

from cli.console import ask as ask_for
from cli.console import say_brief
from cli.signing import sign_answer
from lockgate.errors import LockgateError
from lockgate.waiting import Waiting

LOOK_AGAIN_SECONDS = 0.2


def ask(console: Console, waiting: Waiting) -> None:
    """Show the brief, ask for each field of the form, and resume the run; whoever answers first counts, here or in the pages.

    Who ends the input here gives no answer, and the run goes on waiting.
    """
    console.rule("a person decides")
    say_brief(console, waiting.brief)
    try:
        answer = _answer(console, waiting)
    except EOFError:
        console.print("\nNo answer. The run waits for one in Prefect's pages; Ctrl-C ends it.")
        return
    resume(UUID(waiting.run_id), answer)


def _answer(console: Console, waiting: Waiting) -> dict[str, str]:
    if {"decline", "abort"} <= set(waiting.decisions):
        console.print(
            "Decline stops here and leaves everything where it is; abort also takes back what the release left."
        )
    answer = {"decision": ask_for(console, "Decision", choices=waiting.decisions)}
    for field in waiting.fields:
        if field == "signature":
            answer[field] = _sign(console, waiting) if answer["decision"] == "approve" else ""
            continue
        default = getpass.getuser() if field == "approver" else ""
        answer[field] = ask_for(console, field.capitalize(), default=default)
    return answer


def _sign(console: Console, waiting: Waiting) -> str:
    """The signature of a key that is asked for; without a key, or when it cannot sign, none, and the run asks again."""
    key = ask_for(console, "SSH key to sign with")
    try:
        return sign_answer(console, waiting, Path(key)) if key else ""
    except LockgateError as error:
        console.print(str(error), style="red")
        return ""


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
