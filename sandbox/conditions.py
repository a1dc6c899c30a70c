"""`if:` expressions of jobs and steps for the usual forms. What cannot be known here counts as true.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(
    r"\s*(?:('(?:[^']|'')*')|(\d+(?:\.\d+)?)|([A-Za-z_][\w.*-]*(?:\['[^']*'\])*)|(&&|\|\||==|!=|<=|>=|[!()<>,]))"
)


ABSENT: tuple[str, ...] = ("inputs.", "github.event.inputs", "github.event.release", "github.event.pull_request")
ABSENT += ("github.event.issue", "github.event.comment", "github.event.workflow_run", "github.event.schedule")
ABSENT += ("github.head_ref", "github.base_ref")


class _Unknown:
    """A value that only GitHub knows (env, secrets, outputs)."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


@dataclass
class _Reader:
    tokens: list[str]
    values: Mapping[str, Any]
    position: int = 0

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.position += 1
        return token


def is_met(expression: str, values: Mapping[str, Any], *, succeeded: bool = True, cancelled: bool = False) -> bool:
    """Whether an `if:` lets its job or step run; `values` is the context by dotted name, such as `github.ref`.

    Without a status function the expression means `success() && (…)`. An expression that cannot be read counts as true.
    """
    text = _unwrap(expression)
    status = {"success()": succeeded, "failure()": not succeeded, "always()": True, "cancelled()": cancelled}
    asks_status = re.search(r"\b(success|failure|always|cancelled)\s*\(\s*\)", text)
    if not text:
        return succeeded
    result = _evaluate(text, {**values, **status})
    met = result is UNKNOWN or _truth(result)
    return met if asks_status else succeeded and met


def _unwrap(expression: str) -> str:
    text = expression.strip()
    whole = re.fullmatch(r"\$\{\{(.*)\}\}", text, re.DOTALL)
    if whole and "${{" not in whole[1]:
        return whole[1].strip()
    return re.sub(r"\$\{\{(.*?)\}\}", r"\1", text, flags=re.DOTALL).strip()


def _evaluate(text: str, values: Mapping[str, Any]) -> Any:
    tokens, position = [], 0
    while position < len(text.rstrip()):
        match = TOKEN.match(text, position)
        if match is None:
            return UNKNOWN
        tokens.append(match.group().strip())
        position = match.end()
    reader = _Reader(tokens, values)
    result = _either(reader)
    return result if reader.position == len(tokens) else UNKNOWN


def _either(reader: _Reader) -> Any:
    left = _both(reader)
    while reader.peek() == "||":
        reader.take()
        right = _both(reader)
        left = _or(left, right)
    return left


def _or(left: Any, right: Any) -> Any:
    if left is UNKNOWN:
        return True if right is not UNKNOWN and _truth(right) else UNKNOWN
    return left if _truth(left) else right


def _both(reader: _Reader) -> Any:
    left = _comparison(reader)
    while reader.peek() == "&&":
        reader.take()
        right = _comparison(reader)
        left = _and(left, right)
    return left


def _and(left: Any, right: Any) -> Any:
    if left is UNKNOWN:
        return UNKNOWN if right is UNKNOWN or _truth(right) else False
    return right if _truth(left) else left


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: _number(left) < _number(right),
    ">": lambda left, right: _number(left) > _number(right),
    "<=": lambda left, right: _number(left) <= _number(right),
    ">=": lambda left, right: _number(left) >= _number(right),
}


def _comparison(reader: _Reader) -> Any:
    left = _unary(reader)
    while reader.peek() in COMPARE:
        operator = reader.take()
        right = _unary(reader)
        if left is UNKNOWN or right is UNKNOWN:
            left = UNKNOWN
        else:
            left = COMPARE[operator](_comparable(left, right), _comparable(right, left))
    return left


def _comparable(value: Any, other: Any) -> Any:
    """Texts compare without regard to case; values of different kinds compare as numbers."""
    if isinstance(value, str) and isinstance(other, str):
        return value.lower()
    return value if type(value) is type(other) else _number(value)


def _number(value: Any) -> float:
    if value is None or value == "":
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _unary(reader: _Reader) -> Any:
    if reader.peek() != "!":
        return _primary(reader)
    reader.take()
    value = _unary(reader)
    return UNKNOWN if value is UNKNOWN else not _truth(value)


def _primary(reader: _Reader) -> Any:
    token = reader.take()
    if token == "(":  # noqa: S105
        value = _either(reader)
        return value if reader.take() == ")" else UNKNOWN
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    if token[:1].isdigit():
        return float(token)
    if reader.peek() == "(":
        return _function(token, reader)
    constants: dict[str, Any] = {"true": True, "false": False, "null": None}
    return constants[token] if token in constants else _lookup(token, reader.values)


def _lookup(token: str, values: Mapping[str, Any]) -> Any:
    name = re.sub(r"\['([^']*)'\]", r".\1", token)
    if name in values:
        return values[name]
    return None if name.startswith(ABSENT) else UNKNOWN


def _function(name: str, reader: _Reader) -> Any:
    reader.take()
    arguments = []
    while reader.peek() not in (")", ""):
        arguments.append(_either(reader))
        if reader.peek() == ",":
            reader.take()
    reader.take()
    if f"{name}()" in reader.values:
        return reader.values[f"{name}()"]
    if name.lower() not in FUNCTIONS or UNKNOWN in arguments or len(arguments) != 2:
        return UNKNOWN
    return FUNCTIONS[name.lower()](_text(arguments[0]), _text(arguments[1]))


FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
    "contains": lambda text, part: part in text,
}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower()


def _truth(value: Any) -> bool:
    return value not in (None, "", 0, False)
