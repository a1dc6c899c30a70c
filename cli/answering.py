"""Answers what a waiting run asks: in the terminal, or from options for scripts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from cli import runs
from cli.console import ask, say_brief
from cli.running import user
from clients import signatures
from lockgate.approvals import fingerprint_in
from lockgate.approvers import NAMESPACE
from lockgate.errors import Problem, RefusedError, SettingsError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun


def answer_run(
    console: Console, client: SyncPrefectClient, run: FlowRun, given: Mapping[str, str], key: Path | None
) -> dict[str, str]:
    """Show the brief, complete the answer, and resume the run; gives the answer.

    Raises RefusedError when the run does not wait, SettingsError when something is missing and there is no terminal to ask.
    """
    question = runs.read_question(client, run)
    if question is None:
        name = run.state.name if run.state else "unknown"
        raise RefusedError(
            Problem(f"{run.name} does not wait: it is {name}", "a run that waits for a person", "see `lockgate status`")
        )
    say_brief(console, question.brief)
    answer = _complete(console, question, given)
    if key is not None:
        answer["signature"] = _sign(question, key)
    runs.answer(client, run, answer)
    console.print(f"{run.name}: {answer['decision']}; it goes on.")
    return answer


def _complete(console: Console, question: runs.Question, given: Mapping[str, str]) -> dict[str, str]:
    """A value for each field of the form; what was given and the form does not have is refused."""
    unknown = [name for name, value in given.items() if value and name not in question.fields]
    if unknown:
        raise SettingsError(
            Problem(
                f"this question has no {', '.join(unknown)}", f"values for: {', '.join(question.fields)}",
                "leave out what it does not ask",
            )
        )  # fmt: skip
    asks = not given.get("decision")
    if asks and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError(
            Problem(
                "no decision was given, and standard input or output is no terminal",
                f"one of {', '.join(question.decisions)}", "add --decision",
            )
        )  # fmt: skip
    return {
        name: _value(console, name, field, given.get(name, ""), asks=asks) for name, field in question.fields.items()
    }


def _sign(question: runs.Question, key: Path) -> str:
    fingerprint = fingerprint_in(question.brief)
    if "signature" not in question.fields or not fingerprint:
        raise SettingsError(
            Problem("this question takes no signature", "a project with `signed-approvals = true`", "leave out --key")
        )
    return signatures.sign(fingerprint, key, NAMESPACE)


def _value(console: Console, name: str, field: Mapping[str, Any], given: str, *, asks: bool) -> str:
    default = user() if name == "approver" else str(field.get("default", ""))
    if given or not asks or name == "signature":
        return given or default
    choices = [str(one) for one in field.get("enum", ())]
    label = str(field.get("title", name))
    if choices:
        return ask(console, label, choices=choices)
    return ask(console, label, default=default)
