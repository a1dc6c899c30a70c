"""Answers what a waiting run asks: in the terminal, or from options for scripts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from cli import runs
from cli.console import ask, say_brief
from cli.running import user
from cli.signing import sign_answer
from lockgate.errors import Problem, RefusedError, SettingsError
from lockgate.waiting import SIGNATURE, Waiting

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

DECISION = "decision"
LABELS = {"approver": "Your name", "version": "Another version"}


def answer_run(
    console: Console, client: SyncPrefectClient, run: FlowRun, given: Mapping[str, str], key: Path | None
) -> dict[str, str]:
    """Show the brief, complete the answer, and resume the run; gives the answer.

    Raises RefusedError when the run does not wait, and for a yes to evidence that has another fingerprint than was stored;
    SettingsError when something is missing and there is no terminal to ask.
    """
    question = runs.read_question(client, run)
    if question is None:
        raise RefusedError(_asks_nothing(run))
    say_brief(console, question.brief)
    answer = _complete(console, question, given)
    if answer[DECISION] == "approve":
        question.check()
    if key is not None:
        answer[SIGNATURE] = sign_answer(console, question, key)
    runs.answer(client, run, answer)
    console.print(f"{run.name}: {answer['decision']}; it goes on.")
    return answer


def _asks_nothing(run: FlowRun) -> Problem:
    name = run.state.name if run.state else "unknown"
    if run.state is not None and run.state.is_paused():
        seen = f"the question of {run.name} is not stored"
        return Problem(seen, "one that is", "wait a moment; if that stays, retry the run: it asks anew")
    return Problem(f"{run.name} does not wait: it is {name}", "a run that waits for a person", "see `lockgate status`")


def _complete(console: Console, question: Waiting, given: Mapping[str, str]) -> dict[str, str]:
    """A value for each field of the form; what was given and the form does not have is refused."""
    fields = (DECISION, *question.fields)
    unknown = [name for name, value in given.items() if value and name not in fields]
    if unknown:
        raise SettingsError(
            Problem(
                f"this question has no {', '.join(unknown)}", f"values for: {', '.join(fields)}",
                "leave out what it does not ask",
            )
        )  # fmt: skip
    asks = not given.get(DECISION)
    if asks and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError(
            Problem(
                "no decision was given, and standard input or output is no terminal",
                f"one of {', '.join(question.decisions)}", "add --decision",
            )
        )  # fmt: skip
    return {name: _value(console, question, name, given.get(name, ""), asks=asks) for name in fields}


def _value(console: Console, waiting: Waiting, name: str, given: str, *, asks: bool) -> str:
    default = user() if name == "approver" else ""
    if given or not asks or name == SIGNATURE:
        return given or default
    if name == DECISION:
        return ask(console, "Decision", choices=waiting.decisions)
    return ask(console, LABELS.get(name, name.capitalize()), default=default)
