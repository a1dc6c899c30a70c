"""Origin's address: which repository it names, and whether that is the one on the GitHub server that the releases are made in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from lockgate.errors import Problem
from lockgate.github import LOOPBACK, api_url, host_of, is_on_server, server_url, slug_of

MIRRORS = "LOCKGATE_MIRRORS"
"""The variable that names the beginnings of addresses (up to owner/name) that stand for the GitHub server's repositories."""


def canonical(slug: str) -> str:
    """The one way in which a repository's name (owner/name) is written in keys: GitHub takes no account of case."""
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


def check_origin(url: str, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """Why an address is not that of a repository on the GitHub server; empty when it is, or when a mirror is named.

    A path of this machine is one only where GitHub's API is on this machine too, as in the sandbox.
    """
    try:
        urlsplit(url)
    except ValueError as error:
        return (Problem(f"origin's address cannot be read ({error})", "a git address", "correct the remote `origin`"),)
    if _is_mirror(url, environ):
        return ()
    if not host_of(url):
        on_this_machine = urlsplit(api_url(environ)).hostname in LOOPBACK
        return () if on_this_machine else (_elsewhere(url, "is a path of this machine", environ),)
    if not _is_on(url, server_url(environ)):
        return (_elsewhere(url, "is on another host", environ),)
    if slug_of(url) is not None and not _names_nothing_more(url, server_url(environ)):
        return (_elsewhere(url, "has more parts than owner and name", environ),)
    return ()


def _is_mirror(url: str, environ: Mapping[str, str]) -> bool:
    """Whether the environment names the beginning of this address, and nothing but owner and name comes after it."""
    slug = slug_of(url)
    named = [one for one in environ.get(MIRRORS, "").split() if one.endswith(("/", ":"))]
    return slug is not None and any(url.rstrip("/").removesuffix(".git") == f"{one}{slug}" for one in named)


def _is_on(url: str, server: str) -> bool:
    host = (urlsplit(server).hostname or "").lower()
    if "://" in url and not url.startswith("ssh://"):
        return is_on_server(url, server)
    return urlsplit(f"//{host_of(url)}").hostname in {host, f"ssh.{host}"}


def _names_nothing_more(url: str, server: str) -> bool:
    path = urlsplit(url).path if "://" in url else url.partition(":")[2]
    own = urlsplit(server).path if url.startswith("http") else ""
    return len([part for part in path.removeprefix(own).split("/") if part]) == len(("owner", "name"))


def _elsewhere(url: str, what: str, environ: Mapping[str, str]) -> Problem:
    server, slug = server_url(environ), slug_of(url) or "OWNER/NAME"
    shown = re.sub("//[^/]*@", "//***@", url)
    return Problem(
        f"origin {shown!r} {what}, and the release, its tag and its runs would be made in {slug} on {server}",
        f"the address of that repository on {server}: another one of the same name is another repository",
        f"set the checkout's remote `origin` to {server}/{slug}.git; if this one hands on to it what is pushed, name the"
        f" address up to {slug} in {MIRRORS}; to try something with a local repository, use --sandbox",
    )
