"""The two places in a project's settings that Lockgate fills: `{version}` and `{tag}`.

What a project writes is never a format string: an attribute or an item of an object can be named in one.
"""

from __future__ import annotations

import re

PLACES = ("{version}", "{tag}")
_PLACE = re.compile("|".join(re.escape(place) for place in PLACES))


class BraceError(ValueError):
    """A text has a brace that belongs to no place; its words say what was expected."""


def check(text: str) -> str:
    """Give the text back, or raise BraceError when it has any brace but those of `{version}` and `{tag}`."""
    rest = _PLACE.sub("", text)
    if "{" in rest or "}" in rest:
        raise BraceError(f"no braces but those of {' and '.join(PLACES)}")
    return text


def fill(text: str, *, version: object, tag: str = "") -> str:
    """Give the text with version and tag in their places; what is put in is not looked at again.

    Raises BraceError as `check` does.
    """
    values = {"{version}": str(version), "{tag}": tag}
    return _PLACE.sub(lambda place: values[place[0]], check(text))
