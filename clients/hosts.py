"""Which hosts an answer may name: somebody else wrote it, so it must not send Lockgate anywhere it likes.

Allowed are the asked host itself, its siblings (one registrable name), the hosts that PyPI and GitHub are known to use, and those
in LOCKGATE_HOSTS. None of them but the asked host may be on this machine or in its own network, unless the asked one is there too.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket

import httpx
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from lockgate.errors import refused

VARIABLE = "LOCKGATE_HOSTS"
KNOWN = {
    # https://docs.github.com/en/actions/reference/runners/self-hosted-runners#accessible-domains-by-function: job logs
    "github.com": ("blob.core.windows.net", "githubusercontent.com", "githubapp.com"),
}
"""Further names that the logs and uploads of GitHub are served from; their subdomains count."""

FILES_OF_THE_DEFAULT_INDEX = "8b5bb5eb9d758455b8635855cf8aaf05b68775e3f83f0291e800ef338fb9783c"
"""The sha256 of the registrable name that the default index serves its files from; this project names no index's hosts."""


def check_named(url: str, asked: str, what: str) -> str:
    """Give back an address that an answer of `asked` names; refuses one that leads to a host which is not meant.

    A host that cannot be resolved is let through: then nothing can be asked there either, or a proxy resolves it.
    """
    there, here = _parse(url), _parse(asked)
    if there is None or here is None or there.scheme not in {"https", here.scheme}:
        raise _refused(url, asked, what, "it is no https address")
    if (there.scheme, there.host, there.port) == (here.scheme, here.host, here.port):
        return url
    if there.host != here.host and not _is_meant(there.host, here.host):
        raise _refused(url, asked, what, "it is another host")
    if _is_private(there.host) and not _is_private(here.host):
        raise _refused(url, asked, what, "it is on this machine or in its network")
    return url


def _is_meant(host: str, asked: str) -> bool:
    family = _registrable(asked)
    extra = [name.strip().lower() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]
    names = [*((family,) if family else ()), *KNOWN.get(family, ()), *extra]
    return any(host == name or host.endswith(f".{name}") for name in names) or _serves_files(host, family)


def _serves_files(host: str, asked_family: str) -> bool:
    """Whether the default index was asked and this host is known to serve its files."""
    if asked_family != _registrable(httpx.URL(PYPI_SIMPLE_ENDPOINT).host):
        return False
    return hashlib.sha256(_registrable(host).encode()).hexdigest() == FILES_OF_THE_DEFAULT_INDEX


def _registrable(host: str) -> str:
    """The last two names of a host, of one with a short last but one (co.uk) three; "" for an address and a bare name."""
    labels = host.split(".")
    if _address(host) is not None or len(labels) < 2:
        return ""
    count = 3 if len(labels) > 2 and len(labels[-2]) <= 3 and len(labels[-1]) == 2 else 2
    return ".".join(labels[-count:])


def _is_private(host: str) -> bool:
    """Whether any address of a host is not one of the public internet's."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    addresses = [_address(text.partition("%")[0]) for text in found]
    return any(one is None or not (getattr(one, "ipv4_mapped", None) or one).is_global for one in addresses)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def _parse(url: str) -> httpx.URL | None:
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        return None
    return found if found.host and not found.userinfo else None


def _refused(url: str, asked: str, what: str, why: str) -> Exception:
    there, here = _parse(url), _parse(asked)
    return refused(
        f"While {what}, the answer names {there.host if there else 'no address'!r}, where nothing was asked: {why}",
        f"the host {here.host if here else asked!r}, one beside it, or one that it is documented to use",
        f"look at what the service answers; name the host in {VARIABLE} if it is right",
    )
