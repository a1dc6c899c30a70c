"""Where in a file's text its version stands: in a TOML table, in a Python assignment, or where a pattern matches.

A place is a pair of offsets, so that a new version can be put there and not one other byte changes. Texts keep their
own line endings: read them without newline translation.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from lockgate.documents import DocumentError, read_toml
from lockgate.errors import Problem, SettingsError

_MARKER = "0+lockgate.marker"
_STRING = re.compile(r"(?P<prefix>[uUrR]?)(?P<quotes>\"\"\"|'''|\"|')(?P<text>[^\\]*)(?P=quotes)", re.DOTALL)
_LINE_END = re.compile(r"\r\n|\r|\n")


def toml_span(text: str, key: str) -> tuple[int, int] | None:
    """Where the string under a dotted key (`project.version`) stands in a TOML text; None when there is no such string.

    Also None when it is written with escapes. Raises SettingsError when the text is not TOML.
    """
    document = parse_toml(text)
    old = _look_up(document, key)
    if not isinstance(old, str):
        return None
    wanted = _with_value(document, key.split("."), _MARKER)
    for match in re.finditer(rf"(?<=[\"']){re.escape(old)}(?=[\"'])", text):
        start, end = match.span()
        try:
            changed = tomllib.loads(text[:start] + _MARKER + text[end:])
        except tomllib.TOMLDecodeError:
            continue
        if changed == wanted:
            return start, end
    return None


def python_span(text: str, name: str) -> tuple[int, int] | None:
    """Where the string stands that a module assigns to `name`; None when it is not assigned once, as one plain string.

    The module is parsed, never executed. Raises SettingsError when the text is not Python.
    """
    try:
        module = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError) as err:
        seen = f"a file that should hold the version is not Python: {err}"
        raise SettingsError(Problem(seen, f"a module that assigns {name}", "correct the file")) from err
    values = [value for statement in module.body for target, value in _assignments(statement) if target == name]
    if len(values) != 1 or not isinstance(values[0], ast.Constant) or not isinstance(values[0].value, str):
        return None
    start, end = _offsets(text, values[0])
    literal = _STRING.fullmatch(text, start, end)
    # Two strings side by side look like one to the pattern.
    return literal.span("text") if literal and literal["text"] == values[0].value else None


def imported_from(text: str, name: str) -> tuple[int, str, str] | None:
    """Where a module gets `name` from when it imports it: dots in front, module, and its name there; None when it does not.

    The module is parsed, never executed; what is no Python imports nothing.
    """
    try:
        module = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError):
        return None
    imports = [statement for statement in module.body if isinstance(statement, ast.ImportFrom)]
    found = [
        (one.level, one.module or "", alias.name) for one in imports for alias in one.names if name == (alias.asname or alias.name)
    ]  # fmt: skip
    return found[-1] if found else None


def pattern_span(text: str, pattern: str) -> tuple[int, int] | None:
    r"""Where the pattern's group `version`, or else its first group, matches first; None when it does not.

    It works line by line, and a line ends in `\n` for it, whatever the file has. Raises SettingsError for a pattern
    that is not one, or has no group.
    """
    try:
        compiled = re.compile(pattern, re.MULTILINE)
    except re.error as err:
        seen = f"the version pattern {pattern!r} is not a regular expression: {err}"
        raise SettingsError(Problem(seen, "a pattern that Python's re accepts", "correct it")) from err
    if not compiled.groups:
        seen = f"the version pattern {pattern!r} has no group"
        raise SettingsError(Problem(seen, "a group (?P<version>…)", "name the group that is the version"))
    match = compiled.search(text.replace("\r\n", "\n"))
    group = "version" if "version" in compiled.groupindex else 1
    if match is None or not (match[group] or "").strip():
        return None
    start = match.start(group) + len(match[group]) - len(match[group].lstrip())
    return _before_translation(text, start), _before_translation(text, start + len(match[group].strip()))


def parse_toml(text: str) -> dict[str, Any]:
    """The TOML document; raises SettingsError when it is none."""
    try:
        return read_toml(text.removeprefix("\ufeff"))
    except DocumentError as err:
        seen = f"a file that should name or hold the version is not TOML: {err}"
        raise SettingsError(Problem(seen, "a TOML file", "correct the file")) from err


def _before_translation(text: str, offset: int) -> int:
    r"""The place in a text of an offset that was counted with every `\r\n` as one character."""
    pairs = (match.start() for match in re.finditer("\r\n", text))
    return offset + sum(1 for count, start in enumerate(pairs) if start - count < offset)


def _look_up(document: Mapping[str, Any], key: str) -> object:
    value: object = document
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _with_value(table: Mapping[str, Any], parts: list[str], value: str) -> dict[str, Any]:
    inner = value if len(parts) == 1 else _with_value(table[parts[0]], parts[1:], value)
    return {**table, parts[0]: inner}


def _assignments(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    if isinstance(statement, ast.Assign):
        return [(target.id, statement.value) for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        return [(statement.target.id, statement.value)]
    return []


def _offsets(text: str, node: ast.Constant) -> tuple[int, int]:
    """The node's place in characters; ast counts lines from 1 and columns in bytes of UTF-8."""
    byte_order_mark = len(text) - len(text.removeprefix("\ufeff"))
    starts = [byte_order_mark, *(match.end() for match in _LINE_END.finditer(text))]

    def offset(line: int, column: int) -> int:
        start = starts[line - 1]
        return start + len(text[start:].encode()[:column].decode())

    return offset(node.lineno, node.col_offset), offset(node.end_lineno or 0, node.end_col_offset or 0)
