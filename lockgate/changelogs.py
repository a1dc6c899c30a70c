"""Changelogs: the section of one version, as release notes."""

from __future__ import annotations

import re

from packaging.version import Version

from lockgate.lines import lines_of

_HEADING = re.compile(r"(?P<marks>#{1,4})\s+(?P<title>.*)")
_UNDERLINE = re.compile(r"^([=\-~^\"*+])\1{2,}\s*$")
_VERSION = re.compile(r"v?\d+(?:\.\d+)*[A-Za-z0-9.+!-]*")


def changelog_section(text: str, version: Version) -> str:
    """The text under the heading that names this version, in Markdown or reStructuredText; "" when no heading does.

    It ends at the next heading of the same or a higher level, or at the next heading that names a version.
    """
    lines = lines_of(text)
    headings = _headings(lines)
    for number, (start, body, level, title) in enumerate(headings):
        if _names(title, version):
            ends = [one[0] for one in headings[number + 1 :] if one[2] <= level or _named_version(one[3])]
            return "\n".join(lines[body : ends[0] if ends else len(lines)]).strip() if start < body else ""
    return ""


def _headings(lines: list[str]) -> list[tuple[int, int, int, str]]:
    """Every heading: where it starts, where its text begins, its level, its title."""
    found, styles = [], ""
    for number, line in enumerate(lines):
        marked = _HEADING.match(line)
        title = marked["title"].rstrip().rstrip("#").rstrip() if marked else ""
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if marked and title:
            found.append((number, number + 1, len(marked["marks"]), title))
        elif line.strip() and _UNDERLINE.match(below) and len(below.strip()) >= len(line.strip()):
            style = below[0]
            styles += "" if style in styles else style
            found.append((number, number + 2, styles.index(style) + 1, line.strip()))
    return found


def _names(title: str, version: Version) -> bool:
    return _named_version(title) == version


def _named_version(title: str) -> Version | None:
    for word in _VERSION.findall(title):
        try:
            return Version(word)
        except ValueError:
            continue
    return None
