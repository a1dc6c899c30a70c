"""Signs an answer: what is signed is shown from the stored fields, and its fingerprint is made anew from the evidence."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from cli.console import say
from clients import signatures
from lockgate.approvals import fingerprint_of
from lockgate.approvers import NAMESPACE
from lockgate.errors import Problem, SettingsError
from lockgate.texts import one_line
from lockgate.waiting import Waiting


def sign_answer(console: Console, waiting: Waiting, key: Path) -> str:
    """Show what the signature is given for, and make it with this key.

    Raises SettingsError for a question that takes no signature, RefusedError when its fingerprint is not that of its
    evidence, and what `ssh-keygen` refuses.
    """
    if not waiting.signed or not waiting.evidence:
        raise SettingsError(
            Problem("this question takes no signature", "a project with `signed-approvals = true`", "leave out --key")
        )
    waiting.check()
    console.print("You sign this, and nothing else of what was shown:", style="bold")
    width = max(map(len, waiting.bound_to))
    for name, value in waiting.bound_to.items():
        say(console, f"  {one_line(name):<{width}}  {one_line(value)}")
    return signatures.sign(fingerprint_of(waiting.checkpoint, waiting.evidence), key, NAMESPACE)
