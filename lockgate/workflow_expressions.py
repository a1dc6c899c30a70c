"""Evaluates GitHub's workflow expressions as far as they can be known before a run.

A value is what the expression gives, or UNKNOWN; an operation on UNKNOWN is known only when the other side alone
decides it. Source: "Evaluate expressions in workflows and actions" in GitHub's reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from lockgate.documents import read_json


class Unknown(Enum):
    """The type of the one value that cannot be known before the run."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN
Value: TypeAlias = "str | float | bool | list[str] | Unknown | None"
Lookup: TypeAlias = Callable[[tuple[str, ...]], Value]

MAX_DEPTH = 40

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^']|'')*')
      | (?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))
      | (?P<name>[A-Za-z_][\w-]*)
      | (?P<operator>&&|\|\||==|!=|<=|>=|[<>!()\[\].,*]))""",
    re.VERBOSE,
)
_TEMPLATE = re.compile(r"\$\{\{((?:(?!\$\{\{).)*?)\}\}", re.DOTALL)
_STATUS_FUNCTION = re.compile(r"\b(?:success|always|failure|cancelled)\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a text evaluates to, and which names in it could not be known."""

    value: Value
    unknown: tuple[str, ...] = ()


class _UnreadableError(ValueError):
    """The expression is not one; GitHub would refuse the workflow."""


def evaluate_condition(text: str, lookup: Lookup) -> Outcome:
    """The value of an `if:`, as True, False or UNKNOWN.

    A text that mixes `${{ }}` with anything else, a line break included, is a non-empty string to GitHub and
    therefore always true. An expression that cannot be read is UNKNOWN.
    """
    if "${{" in text:
        whole = re.fullmatch(r"\$\{\{(.*?)\}\}", text, re.DOTALL)
        if whole is None or "${{" in whole.group(1):
            return Outcome(value=True)
        text = whole.group(1)
    outcome = evaluate(text, lookup)
    return Outcome(truth(outcome.value), outcome.unknown)


def evaluate(text: str, lookup: Lookup) -> Outcome:
    """The value of one expression without its `${{ }}`; UNKNOWN when it cannot be read."""
    parser = _Parser(_tokens(text), lookup)
    try:
        value = parser.expression()
        parser.end()
    except _UnreadableError:
        return Outcome(UNKNOWN, (text.strip(),))
    return Outcome(value, tuple(dict.fromkeys(parser.unknown)) if value is UNKNOWN else ())


def render(text: str, lookup: Lookup) -> Outcome:
    """A text with each `${{ }}` in it replaced by its value; UNKNOWN as soon as one of them is."""
    unknown: list[str] = []

    def fill(match: re.Match[str]) -> str:
        outcome = evaluate(match.group(1), lookup)
        if outcome.value is UNKNOWN:
            unknown.extend(outcome.unknown)
        return _text(outcome.value)

    filled = _TEMPLATE.sub(fill, text)
    return Outcome(UNKNOWN, tuple(unknown)) if unknown else Outcome(filled)


def asks_for_status(text: str) -> bool:
    """Whether a condition calls a status function, which turns off the implied `success()`."""
    return _STATUS_FUNCTION.search(text) is not None


def truth(value: Value) -> bool | Unknown:
    """GitHub's truth of a value: false, 0, null and the empty text are false."""
    return UNKNOWN if value is UNKNOWN else bool(value) or isinstance(value, list)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return [("unreadable", text[position:])]
        tokens.append((match.lastgroup or "", match.group().strip()))
        position = match.end()
    return tokens


class _Parser:
    """Reads and evaluates in one pass; no operation has an effect, so both sides may always be evaluated."""

    def __init__(self, tokens: list[tuple[str, str]], lookup: Lookup) -> None:
        self._tokens, self._position, self._depth = tokens, 0, 0
        self._lookup = lookup
        self.unknown: list[str] = []

    def expression(self) -> Value:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _UnreadableError
        value = self._conjunction()
        while self._take("||"):
            value = _either(value, self._conjunction())
        self._depth -= 1
        return value

    def end(self) -> None:
        if self._position < len(self._tokens):
            raise _UnreadableError

    def _conjunction(self) -> Value:
        value = self._equality()
        while self._take("&&"):
            value = _both(value, self._equality())
        return value

    def _equality(self) -> Value:
        value = self._relation()
        while operator := self._take("==", "!="):
            same = _equal(value, self._relation())
            value = same if operator == "==" else _negated(same)
        return value

    def _relation(self) -> Value:
        value = self._unary()
        while operator := self._take("<=", ">=", "<", ">"):
            value = _ordered(operator, value, self._unary())
        return value

    def _unary(self) -> Value:
        negations = 0
        while self._take("!"):
            negations += 1
        value = self._primary()
        for _ in range(negations):
            value = _negated(truth(value))
        return value

    def _primary(self) -> Value:
        if self._take("("):
            value = self.expression()
            self._need(")")
            return value
        kind, text = self._next()
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(int(text, 16)) if "x" in text else float(text)
        if kind != "name":
            raise _UnreadableError
        if self._take("("):
            return self._call(text)
        literals: dict[str, Value] = {"true": True, "false": False, "null": None}
        return literals[text] if text in literals else self._context(text)

    def _call(self, name: str) -> Value:
        arguments: list[Value] = []
        if not self._take(")"):
            arguments.append(self.expression())
            while self._take(","):
                arguments.append(self.expression())
            self._need(")")
        if name.lower() in {"success", "failure", "cancelled", "always"}:
            return self._known((f"{name.lower()}()",))
        value = _function(name.lower(), arguments)
        if value is UNKNOWN and UNKNOWN not in arguments:
            self.unknown.append(f"{name}()")
        return value

    def _context(self, name: str) -> Value:
        path = [name]
        while operator := self._take(".", "["):
            if operator == ".":
                path.append(self._next()[1])
                continue
            key = self.expression()
            self._need("]")
            path.append("*" if key is UNKNOWN else _text(key))
        return self._known(tuple(path))

    def _known(self, path: tuple[str, ...]) -> Value:
        value = self._lookup(tuple(part.lower() for part in path))
        if value is UNKNOWN:
            self.unknown.append(".".join(path))
        return value

    def _take(self, *operators: str) -> str:
        if self._position < len(self._tokens):
            kind, text = self._tokens[self._position]
            if kind == "operator" and text in operators:
                self._position += 1
                return text
        return ""

    def _need(self, operator: str) -> None:
        if not self._take(operator):
            raise _UnreadableError

    def _next(self) -> tuple[str, str]:
        if self._position >= len(self._tokens):
            raise _UnreadableError
        self._position += 1
        return self._tokens[self._position - 1]


def _either(left: Value, right: Value) -> Value:
    if left is UNKNOWN:
        # Both could be returned, so only the truth of the right side says something.
        return True if truth(right) is True else UNKNOWN
    return left if truth(left) else right


def _both(left: Value, right: Value) -> Value:
    if left is UNKNOWN:
        return False if truth(right) is False else UNKNOWN
    return right if truth(left) else left


def _negated(value: Value) -> Value:
    return UNKNOWN if value is UNKNOWN else not value


def _equal(left: Value, right: Value) -> Value:
    if UNKNOWN in (left, right):
        return UNKNOWN
    if isinstance(left, list) or isinstance(right, list):
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if left is None and right is None:
        return True
    return _number(left) == _number(right)


def _ordered(operator: str, left: Value, right: Value) -> Value:
    if UNKNOWN in (left, right):
        return UNKNOWN
    one, other = _number(left), _number(right)
    return {"<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other}[operator]


def _number(value: Value) -> float:
    if value is None or value == "":
        return 0.0
    try:
        return float(value)  # type: ignore[arg-type]  # what is no number raises and becomes NaN, as GitHub has it
    except (TypeError, ValueError):
        return float("nan")


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else ""


def _function(name: str, arguments: list[Value]) -> Value:
    if UNKNOWN in arguments:
        return UNKNOWN
    if name == "fromjson" and len(arguments) == 1:
        return _from_json(_text(arguments[0]))
    if name not in {"startswith", "endswith", "contains"} or len(arguments) != 2:
        return UNKNOWN
    whole, part = arguments
    if isinstance(whole, list):
        return name == "contains" and any(_equal(item, part) is True for item in whole)
    text, wanted = _text(whole).lower(), _text(part).lower()
    return {"startswith": text.startswith(wanted), "endswith": text.endswith(wanted), "contains": wanted in text}[name]


def _from_json(text: str) -> Value:
    try:
        value = read_json(text)
    except ValueError:
        return UNKNOWN
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)):
        return float(value)
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else UNKNOWN
