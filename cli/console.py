"""The one way in which a command prints: every string is text, without secrets, which neither rich nor the terminal obeys."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markdown import Markdown
from rich.prompt import Confirm, Prompt
from rich.segment import Segment
from rich.status import Status
from rich.text import Text

from lockgate.masking import mask_secrets
from lockgate.texts import one_line, visible

PIPE_WIDTH = 160
STATUS_WIDTH = 100
Part = str | tuple[str, str]


class TextConsole(Console):
    """A console that knows no markup, no emoji codes and no highlighting, and shows control characters as such."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the string as text, whatever it holds."""
        return super().render_str(
            visible(mask_secrets(text)), **options | {"markup": False, "emoji": False, "highlight": False}
        )

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is printed; the last place where a text can be made visible, for those that are not strings."""
        for one in super().render(renderable, options):
            yield one if one.control else Segment(visible(one.text), one.style)


def open_console(*, as_json: bool) -> TextConsole:
    """Where people read: standard output, or standard error when JSON goes there; wide lines where no terminal sets a width."""
    stream = sys.stderr if as_json else sys.stdout
    return TextConsole(stderr=as_json, width=None if stream.isatty() else PIPE_WIDTH)


def styled(*parts: Part) -> Text:
    """Return parts of a line, each a string or a pair of a string and its style."""
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((visible(mask_secrets(text)), style) for text, style in pairs))


def say(console: Console, *parts: Part) -> None:
    """Print a line of parts; a terminal wraps it, a pipe gets it whole."""
    console.print(styled(*parts), soft_wrap=True)


def say_brief(console: Console, brief: str) -> None:
    """Print a brief in Markdown; a link is shown with its address, which a terminal would hide."""
    console.print(Markdown(visible(brief), hyperlinks=False))


def ask(console: Console, label: str, *, choices: Sequence[str] = (), default: str = "") -> str:
    """Ask a person for a line, or for one of the choices; raises EOFError where the input ends."""
    prompt = styled(label)
    if choices:
        return Prompt.ask(prompt, choices=list(choices), console=console)
    return Prompt.ask(prompt, default=default, show_default=bool(default), console=console)


def show_crashes() -> None:
    """Let an error that no command knows be printed as text: what it says may be of others."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        print(visible("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)

    sys.excepthook = show


def confirm(console: Console, question: str) -> bool:
    """Ask a person for a yes; anything else is a no."""
    return Confirm.ask(styled(question), console=console, default=False)


def show_status(console: Console, status: Status | None, text: str) -> Status:
    """Show what is being done in a line of its own, in the status that is there or a new one; returns it."""
    line = Text(one_line(text, STATUS_WIDTH))
    if status is None:
        status = console.status(line)
        status.start()
    else:
        status.update(line)
    return status
