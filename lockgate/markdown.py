"""Markdown around texts that others wrote: in it they mean nothing but themselves, and they are seen to be quoted.

What is finished Markdown goes through none of these functions a second time, but for `cell`, which every table calls by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from lockgate.texts import LINE_LIMIT, block, one_line

PROSE_LIMIT = 2000
QUOTE_LIMIT = 4000
NOTHING = "(empty)"

_SPECIAL = re.compile(r"[\\`*\[\]<>&~]|(?<![^\W_])_|_(?![^\W_])|^[#+=-]|^[0-9]+(?=[.)](?:\s|$))")
_SPOKEN = re.compile(r"`([^`]+)`|((?:[a-zA-Z][a-zA-Z0-9+.-]{1,15}://|www\.)\S*[\w/]|\S+@\S+)")
"""What a sentence shows as code: what stands between backticks, and what a reader of Markdown would make a link of."""
_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9/._~%!$&'*+,;=:@?#-]*)?")


def code(text: str, limit: int = LINE_LIMIT) -> str:
    """Return the text as a code span of one line, which nothing in it can end; "(empty)" for an empty one."""
    line = one_line(text, limit)
    if not line:
        return NOTHING
    marks = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{marks}{space}{line}{space}{marks}"


def prose(text: str, limit: int = PROSE_LIMIT, hosts: Sequence[str] = ()) -> str:
    """Return a sentence of ours with texts of others in it, in one line: no mark, image or HTML in it counts.

    What it has between backticks is shown as code, and so is every address but those on the hosts, which are links.
    """
    line, shown, read = one_line(text, limit), [], 0
    for found in _SPOKEN.finditer(line):
        shown += [_escaped(line[read : found.start()], first=not read), _spoken(found, hosts)]
        read = found.end()
    return "".join((*shown, _escaped(line[read:], first=not read)))


def fenced(text: str, limit: int = QUOTE_LIMIT) -> str:
    """Return the text as a block of its own lines, whose fence cannot be closed from inside."""
    shown = block(text, limit).strip("\n")
    marks = "`" * max(3, max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{marks}text\n{shown}\n{marks}"


def quote(text: str, limit: int = QUOTE_LIMIT) -> str:
    """Return the text as a quotation: each line of it is marked as somebody else's, and stays as it was written."""
    return "\n".join(f"> {line}".rstrip() for line in fenced(text, limit).split("\n"))


def link(label: str, url: str, hosts: Sequence[str]) -> str:
    """Return a link to an http(s) address on one of the hosts (`host`, or `host:port`); any other address is shown as code."""
    return f"[{prose(label)}](<{url}>)" if is_meant(url, hosts) else f"{prose(label)}: {code(url)}"


def is_meant(url: str, hosts: Sequence[str]) -> bool:
    """Tell whether this is an http(s) address, without a name or password in it, on one of the hosts."""
    return _URL.fullmatch(url) is not None and urlsplit(url).netloc.lower() in hosts


def cell(markdown: str) -> str:
    """Return finished Markdown for a cell of a table, whose line and columns it cannot leave."""
    return re.sub(r"(\\*)\|", _bar, " ".join(markdown.split("\n")))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of finished Markdown under a header of ours."""
    lines = [f"| {' | '.join(line)} |" for line in (header, *([cell(one) for one in row] for row in rows))]
    return "\n".join((lines[0], "|---" * len(header) + "|", *lines[1:]))


def markdown_table(rows: Sequence[Mapping[str, str]], hosts: Sequence[str]) -> str:
    """Return a table of texts, with a column for each key, in the order of their appearance.

    A text that is an address on one of the hosts becomes a link.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row))
    return table(keys, [[_text(key, row.get(key, ""), hosts) for key in keys] for row in rows])


def _text(key: str, text: str, hosts: Sequence[str]) -> str:
    return link(key, text, hosts) if text.startswith(("http://", "https://")) and " " not in text else prose(text)


def _spoken(found: re.Match[str], hosts: Sequence[str]) -> str:
    said = found[1] or found[2]
    if not said.strip():
        return f"\\`{said}\\`"
    return f"<{said}>" if found[2] and is_meant(said, hosts) else code(said, PROSE_LIMIT)


def _escaped(text: str, *, first: bool) -> str:
    """The text with a backslash before each mark; what begins a line is `first`."""
    escaped = _SPECIAL.sub(lambda found: _mark(found[0]), text if first else f"x{text}")
    return escaped if first else escaped[1:]


def _mark(found: str) -> str:
    return f"&#{ord(found[0])};{found[1:]}" if found[0].isdigit() else f"\\{found}"


def _bar(found: re.Match[str]) -> str:
    """A column's mark with an even number of backslashes before its own, so that no reader takes it for the cell's end."""
    marks = found[1]
    return marks + "\\" * (len(marks) % 2) + "\\|"
