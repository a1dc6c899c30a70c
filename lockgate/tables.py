"""Tables in Markdown, of texts that others wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """A table with a column for each key, in the order of their appearance; a cell that is an address becomes a link.

    Texts stay texts: line ends, column signs and HTML in them mean nothing.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = [f"| {' | '.join(keys)} |", "|---" * len(keys) + "|"]
    lines += [f"| {' | '.join(_cell(key, row.get(key, '')) for key in keys)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(key: str, text: str) -> str:
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return f"[{key}]({plain})" if plain.startswith(("http://", "https://")) and " " not in plain else plain
