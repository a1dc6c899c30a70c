"""The GitHub repository that a project's metadata names, among the addresses that it gives."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from lockgate.lines import lines_of

HOSTS = ("github.com", "www.github.com")
# First parts of GitHub's own pages (https://github.com/sponsors/NAME), which are no owner's name.
NO_OWNERS = frozenset({"apps", "marketplace", "orgs", "sponsors", "topics", "users"})
# https://packaging.python.org/en/latest/specifications/well-known-project-urls/, the repository's own label first.
SOURCE_LABELS = ("source", "repository", "sourcecode", "github", "code", "homepage")


def repository_named(pyproject: Mapping[str, Any], setup_cfg: str = "") -> str | None:
    """OWNER/NAME of the GitHub repository that the metadata names, the address labelled as the source first; or None."""
    addresses = [*_addresses(pyproject), *_setup_cfg_addresses(setup_cfg)]
    found = [(_rank(label), slug) for label, address in addresses if (slug := _slug(address)) is not None]
    return min(found, key=lambda one: one[0])[1] if found else None


def _addresses(pyproject: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    poetry = _table(pyproject, "tool", "poetry")
    single = {name: poetry.get(name) for name in ("repository", "homepage", "documentation")}
    flit = {"homepage": _table(pyproject, "tool", "flit", "metadata").get("home-page")}
    for table in (_table(pyproject, "project", "urls"), single, _table(poetry, "urls"), flit):
        yield from ((str(label), address) for label, address in table.items() if isinstance(address, str))


def _setup_cfg_addresses(text: str) -> Iterator[tuple[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return  # what cannot be read is reported where its version is looked for
    yield "homepage", parser.get("metadata", "url", fallback="")
    for line in lines_of(parser.get("metadata", "project_urls", fallback="")):
        label, _, address = line.partition("=")
        yield label, address


def _slug(address: str) -> str | None:
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    names = [name for name in parts.path.split("/") if name]
    if parts.netloc.lower() not in HOSTS or len(names) < 2 or names[0].lower() in NO_OWNERS:
        return None
    return f"{names[0]}/{names[1].removesuffix('.git')}"


def _rank(label: str) -> int:
    plain = "".join(letter for letter in label.lower() if letter.isalnum())
    return SOURCE_LABELS.index(plain) if plain in SOURCE_LABELS else len(SOURCE_LABELS)


def _table(data: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    value: object = data
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
