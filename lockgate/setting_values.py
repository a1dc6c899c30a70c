"""What a value under [tool.lockgate] may look like: one reader for each kind of setting.

A reader gives the value as Lockgate uses it, or raises UnfitError with the words of what it expected.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import InvalidName, canonicalize_name

from lockgate import placeholders
from lockgate.freeze import read_period
from lockgate.paths import PathError, check_path

Reader = Callable[[Any], Any]

WHEN = ("always", "when-needed", "never")
_NOT_IN_A_TAG = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|[/.]$|\.lock$")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEPT_BACK = re.compile(
    r"(?i:GH|GITHUB|LOCKGATE|PREFECT|GIT|SSH|GPG|GNUPG|ACTIONS|AWS|AZURE|GOOGLE|TWINE|LD|DYLD|XDG|DBUS|DOCKER)(_\w+|HOME)?"
    r"|PATH|HOME|TMPDIR|SHELL|PYTHONPATH|PYTHONHOME"
)


class UnfitError(ValueError):
    """A value is not what its setting takes; its words say what was expected."""


def text(value: Any) -> str:
    """A string of printable characters: no line end, no control character, nothing that cannot be seen."""
    if not isinstance(value, str) or not value.isprintable():
        raise UnfitError("a string of one line, of printable characters")
    return value


def word(value: Any) -> str:
    """A string that is not blank."""
    if not text(value).strip():
        raise UnfitError("a string that is not blank")
    return str(value)


def texts(value: Any) -> tuple[str, ...]:
    """A list of strings that are not blank."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise UnfitError("a list of strings")
    return tuple(text(item) for item in value)


def variables(value: Any) -> tuple[str, ...]:
    """A list of names of environment variables, none of them Lockgate's own or one that says how to run."""
    for item in texts(value):
        if not _VARIABLE.fullmatch(item) or _KEPT_BACK.fullmatch(item):
            raise UnfitError(
                "a list of names of variables, without those of Lockgate, its token, its store, git and agents"
            )
    return tuple(value)


def name(value: Any) -> str:
    """A project name as the packaging specifications define it."""
    try:
        canonicalize_name(word(value), validate=True)
    except InvalidName as err:
        raise UnfitError("a project name: letters, digits, and . _ - between them") from err
    return str(value)


def yes_or_no(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise UnfitError("true or false")
    return value


def seconds(value: Any) -> float:
    """A finite number of seconds over 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise UnfitError("a number of seconds over 0")
    return float(value)


def count(value: Any) -> int:
    """A whole number over 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise UnfitError("a whole number over 0")
    return value


def one_of(*choices: str) -> Reader:
    """A reader for a string out of a few."""

    def read(value: Any) -> str:
        if value not in choices:
            raise UnfitError("one of " + ", ".join(choices))
        return str(value)

    return read


def command(value: Any) -> tuple[str, ...]:
    """A command as a list of arguments, or as a string that is split as a shell would; no shell runs it."""
    if any("\0" in str(part) for part in (value if isinstance(value, list) else [value])):
        raise UnfitError("a command without NUL characters")
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError as err:
            raise UnfitError(f"a command (it cannot be split: {err})") from err
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value) and value[0].strip():
        return tuple(value)
    raise UnfitError("a command: a string, or a list of arguments")


def commands(value: Any) -> tuple[tuple[str, ...], ...]:
    """One command as a string, or a list of commands, with the version and the tag where they say so."""
    found = tuple(command(item) for item in ([value] if isinstance(value, str) else _list(value)))
    if not all(found):
        raise UnfitError("commands that are not blank")
    return tuple(tuple(map(_placed, one)) for one in found)


def path(value: Any) -> str:
    """A path inside the repository, with / between its parts."""
    try:
        return check_path(word(value))
    except PathError as err:
        raise UnfitError(str(err)) from err


def paths(value: Any) -> tuple[str, ...]:
    """A list of paths or globs inside the repository."""
    return tuple(path(item) for item in texts(value))


def fixture(value: Any) -> str:
    """A path of a JSON file with the version in it."""
    if _placed(path(value)).count("{version}") != 1 or "{tag}" in value or not value.endswith(".json"):
        raise UnfitError("a path of a .json file with {version} in it once")
    return path(value)


def tag_format(value: Any) -> str:
    """A tag name that git allows (git-check-ref-format), with {version} in it once."""
    example = text(value).replace("{version}", "1.0")
    if value.count("{version}") != 1 or _NOT_IN_A_TAG.search(example) or "{" in example:
        raise UnfitError("a tag name that git allows, with {version} in it once")
    return str(value)


def workflow(value: Any) -> str:
    """The name of a workflow file; its folder may be left out."""
    plain = text(value).removeprefix(".github/workflows/")
    if not re.fullmatch(r"[^/\\]+\.ya?ml", plain):
        raise UnfitError("the name of a .yml file in .github/workflows")
    return plain


def inputs(value: Any) -> dict[str, str]:
    """A table of strings: the inputs of a workflow that is started by hand, with version and tag where they say so."""
    if not isinstance(value, dict) or not all(isinstance(given, str) for given in value.values()):
        raise UnfitError("a table of strings, by the names of the workflow's inputs")
    return {text(name): _placed(given) for name, given in value.items()}


def publisher(value: Any) -> str:
    """A Trusted Publisher on GitHub: owner/repository/workflow.yml, with @environment when it names one."""
    if not re.fullmatch(r"[\w-]+/[\w.-]+/[^/@\\]+\.ya?ml(@[^@]+)?", text(value)):
        raise UnfitError("owner/repository/workflow.yml@environment, without @environment where there is none")
    return str(value)


def url(value: Any) -> str:
    """The URL of an index, without credentials."""
    parts = urlsplit(text(value))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise UnfitError("an http or https URL without user and password")
    return str(value)


def freeze(value: Any) -> tuple[str, ...]:
    """A freeze calendar: weekdays, days, and days with / between them."""
    for entry in texts(value):
        try:
            read_period(entry)
        except ValueError as err:
            raise UnfitError(f"for each entry {err}") from err
    return tuple(value)


def checkpoints(known: Sequence[str]) -> Reader:
    """A reader for a table that says when each checkpoint asks."""

    def read(value: Any) -> dict[str, str]:
        pairs = value.items() if isinstance(value, dict) else ((None, None),)
        if not all(key in known and when in WHEN for key, when in pairs):
            raise UnfitError(f"a table of {', '.join(known)}, each one of {', '.join(WHEN)}")
        return dict(value)

    return read


def _placed(value: str) -> str:
    try:
        return placeholders.check(value)
    except placeholders.BraceError as err:
        raise UnfitError(str(err)) from err


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UnfitError("a list of commands")
    return value
