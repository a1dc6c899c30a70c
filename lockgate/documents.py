"""JSON, TOML, YAML and HTML that somebody else wrote: read whole or not at all, whatever their size, depth or aliases.

Every reader raises DocumentError for what it does not take, so that no document ends a release with a traceback.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable
from typing import Any

import yaml

LONGEST = 4 * 1024 * 1024
"""Characters of a JSON or TOML file in a repository; the largest lock files have about a quarter of that."""
LONGEST_YAML = 256 * 1024
"""Characters of a workflow, which PyYAML reads at about 100 kB a second; long ones have some 50 kB."""
DEEPEST = 100
"""Levels of lists and tables in each other; settings, fixtures and workflows have about ten."""
MOST_DOTS = 1000
"""Dots in a line of TOML: tomllib takes memory with the square of the parts of a dotted key."""
LONGEST_HTML = 16 * 1024 * 1024
"""Characters of an index's page in HTML; indexes of projects with thousands of files answer with JSON, or with some 5 MB."""
MOST_TAGS = 200_000
"""Tags of such a page: three for each file."""
DEEPEST_LINKS = 10
"""Links in each other; HTML allows none."""
MOST_VALUES = 100_000
"""Values in a YAML document, those behind an alias counted each time that they are used."""

_LINK_TAG = re.compile(r"<(/?)a(?![a-z0-9-])", re.IGNORECASE)


class DocumentError(ValueError):
    """A text is no document of its kind, or one that is too long, too deep or too large to be read; its words say which."""


def read_json(text: str | bytes, longest: int = LONGEST) -> Any:
    """The value of a JSON text; raises DocumentError for anything else, and for more than the bounds above."""
    return check_size(_read(json.loads, text, longest))


def read_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text; raises DocumentError for anything else, and for more than the bounds above."""
    if len(text) <= LONGEST and any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        raise DocumentError(f"a line of it has more than {MOST_DOTS} dots")
    found: dict[str, Any] = check_size(_read(tomllib.loads, text, LONGEST))
    return found


def read_yaml(text: str) -> Any:
    """The texts, lists and mappings of a YAML text; raises DocumentError for anything else, and for more than the bounds."""
    return check_size(_read(_load_yaml, text, LONGEST_YAML), MOST_VALUES)


def _load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - builds texts, lists and mappings, nothing else


def _read(parse: Callable[[Any], Any], text: str | bytes, longest: int) -> Any:
    if len(text) > longest:
        raise DocumentError(f"it has {len(text)} characters, and at most {longest} are read")
    try:
        return parse(text)
    except RecursionError:
        raise DocumentError(f"its lists and tables are in each other more than {DEEPEST} deep") from None
    except (ValueError, yaml.YAMLError) as error:
        raise DocumentError(" ".join(str(error).split())) from error


def check_html(text: str) -> None:
    """Raise DocumentError for a page with more tags, or links deeper in each other, than an index's page has.

    A parser that takes the text of every link reads nested ones as often as they are deep.
    """
    if len(text) > LONGEST_HTML or text.count("<") > MOST_TAGS:
        raise DocumentError(f"it has more than {LONGEST_HTML} characters or {MOST_TAGS} tags")
    level = 0
    for found in _LINK_TAG.finditer(text):
        level = max(level - 1, 0) if found[1] else level + 1
        if level > DEEPEST_LINKS:
            raise DocumentError(f"its links are in each other more than {DEEPEST_LINKS} deep")


def check_size(value: Any, most: float = math.inf) -> Any:
    """Give the value back, or raise DocumentError when it is too deep, or has too many parts to be walked through."""
    level, depth, count = [value], 0, 0
    while level:
        if depth > DEEPEST:
            raise DocumentError(f"its lists and tables are in each other more than {DEEPEST} deep")
        below: list[Any] = []
        for one in level:
            parts = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
            count += len(parts)
            if count > most:
                raise DocumentError(f"it has more than {most} values, aliases counted each time")
            below.extend(part for part in parts if isinstance(part, (dict, list)))
        level, depth = below, depth + 1
    return value
