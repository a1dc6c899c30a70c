"""Texts that others wrote, made fit to be shown: nothing hidden, nothing that a terminal obeys, nothing without a bound.

A text of others is what Lockgate did not write itself: files and names of a repository, output of its commands, answers from
outside, and what people type.
"""

from __future__ import annotations

import re

LINE_LIMIT = 300
BLOCK_LIMIT = 20_000
CUT = "…"

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters; line end and tab are none of them here
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb"  # an emoji's U+FE0F stays: it shows what is before it
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)
PLAIN = (
    ("\r\n", " / "), ("\n", " / "), ("\t", " "), ("<", "‹"), (">", "›"), ("](", "] ("), ("`", "'"), ("*", "∗"),
    ("://", "[:]//"), ("www.", "www[.]"), ("@", "(at)"),
)  # fmt: skip
"""What a message's channel could take for a mark, a link or a call of somebody, and what stands for it."""


def visible(text: str) -> str:
    r"""Return the text with an escape such as \x1b or \u202e for each character that is not to be seen as itself.

    These are control characters, marks of direction, characters without width, and line separators of other alphabets. A
    line end (also one of DOS) and a tab stay what they are.
    """
    return _HIDDEN.sub(_escape, text.replace("\r\n", "\n"))


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """Return the visible text in one line of at most `limit` characters; what is cut off is marked by an ellipsis."""
    line = " ".join(visible(text[: 8 * limit]).split())
    return line if len(line) <= limit and len(text) <= 8 * limit else line[: limit - 1] + CUT


def block(text: str, limit: int = BLOCK_LIMIT) -> str:
    """Return the visible text with its lines, of at most `limit` characters; says how much was cut off."""
    shown = visible(text[:limit])
    left = len(text) - limit
    return f"{shown}\n{CUT} ({left:,} characters more)" if left > 0 else shown


def plain(text: str, limit: int = LINE_LIMIT) -> str:
    """Return the text in one line for a message: no mark, no link, no call of somebody, in whatever channel it goes to."""
    shown = visible(text[: 8 * limit])
    for mark, instead in PLAIN:
        shown = shown.replace(mark, instead)
    return one_line(shown, limit)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
