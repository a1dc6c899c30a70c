"""Origin's address: which repository it names, and whether that is the one on the GitHub server that the releases are made in."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from lockgate.github import LOOPBACK, server_url


def same_slug(one: str, other: str) -> bool:
    """Whether two names (owner/name) are of the same repository; GitHub takes no account of case."""
    return canonical(one) == canonical(other)


def canonical(slug: str) -> str:
    """The one way in which a repository's name is written in keys and folders."""
    return slug.lower()


def folder_name(slug: str) -> str:
    """A name for a repository's folder; two repositories never share one, since no name on GitHub has a plus sign."""
    return canonical(slug).replace("/", "+")


def place_of(url: str) -> str:
    """Host and path of an address, as evidence names them; without the port on this machine, where it is another at each start."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = f":{parts.port}" if parts.port and host not in LOOPBACK else ""
    return f"{host}{port}{parts.path.rstrip('/')}"


def repository_place(slug: str, environ: Mapping[str, str]) -> str:
    """The repository with the GitHub server that it is on, as evidence names it."""
    return f"{place_of(server_url(environ))}/{canonical(slug)}"
