"""`lockgate init`: shows what a repository lacks, writes it when somebody says yes, and lists what is set by hand."""

from __future__ import annotations

import difflib
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.syntax import Syntax

from cli import printing
from cli.console import confirm, open_console, say, styled
from cli.running import environment, mind_proxies
from lockgate.errors import DeclinedError, LockgateError, Problem, SettingsError
from lockgate.outcome import ExitCode, exit_code
from lockgate.texts import visible

Variants = Literal["assets", "rebuild"]


def init(
    *,
    repository: Annotated[Path, Parameter(help="The project's checkout.")] = Path(),
    variant: Annotated[
        Variants,
        Parameter(help="What the workflow uploads: the release's own files (assets), or files built again (rebuild)."),
    ] = "assets",
    test_command: Annotated[str, Parameter(help="The command that runs the complete test suite.")] = "",
    yes: Annotated[bool, Parameter(negative="", help="Write without asking.")] = False,
) -> int:
    """Propose the settings and the publish workflow that a repository lacks; list what is set by hand."""
    console = open_console(as_json=False)
    try:
        _init(console, repository, variant, test_command, yes=yes)
    except LockgateError as error:
        printing.print_problems(console, error.problems)
        return exit_code(error, tag_is_out=False)
    except (KeyboardInterrupt, EOFError):
        console.print("\nInterrupted. Nothing was written.")
        return ExitCode.INTERRUPTED
    return ExitCode.RELEASED


def _init(console: Console, repository: Path, variant: Variants, test_command: str, *, yes: bool) -> None:
    from clients import inside
    from planning.proposing import propose

    mind_proxies()
    folder = repository.expanduser()
    made = propose(folder, variant, shlex.split(test_command), environment())
    for note in made.notes:
        say(console, ("•", "yellow"), f" {note}")
    for change in made.changes:
        _show(console, change.path, change.before, change.after)
    if made.changes:
        _ask(console, yes=yes)
    else:
        console.print("Settings and publish workflow are there: nothing to write.")
    for change in made.changes:
        inside.write_file(folder, change.path, change.after.encode())
        console.print(styled(("wrote", "green"), f" {change.path}"))
    if made.changes:
        console.print("\nCommit and push them; they count once they are on the release branch.")
    console.print("\nWhat only you can set:", style="bold")
    printing.print_numbered(console, made.manual)


def _show(console: Console, path: str, before: str | None, after: str) -> None:
    """The change as a diff, as git would show it."""
    old, new = (text.splitlines(keepends=True) for text in (before or "", after))
    names = ("/dev/null" if before is None else f"a/{path}", f"b/{path}")
    text = "".join(difflib.unified_diff(old, new, *names))
    what = "new file" if before is None else "changed"
    console.print(styled((f"\n{path}", "bold"), f" ({what})"))
    if console.is_terminal:
        console.print(Syntax(visible(text), "diff", theme="ansi_dark", background_color="default", word_wrap=True))
    else:
        say(console, text)


def _ask(console: Console, *, yes: bool) -> None:
    """Let a person say yes; raises DeclinedError for a no, SettingsError where nobody can be asked."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError(
            Problem(
                "nothing was written: standard input or output is no terminal, so nobody can be asked",
                "a terminal, or --yes", "look at the proposal above, then run the same command with --yes",
            )
        )  # fmt: skip
    if not confirm(console, "Write this?"):
        raise DeclinedError(
            Problem("you said no; nothing was written", "a yes", "change the proposal with the command's options")
        )
