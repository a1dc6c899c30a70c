"""Proxies in the environment: none may get what is meant for this machine, and one that cannot be used is said before all else."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from lockgate.errors import Problem

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
EXCEPTIONS = ("no_proxy", "NO_PROXY")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = "*"
SOCKS = ("socks5", "socks5h")


def loopback_exceptions(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep requests to this machine from its proxies; none where there is no proxy."""
    known = _exceptions(environ)
    if EVERYWHERE in known or not any(environ.get(name) for name in PROXIES):
        return {}
    wanted = ",".join(dict.fromkeys((*known, *LOOPBACK)))
    return dict.fromkeys(EXCEPTIONS, wanted)


def unusable_proxies(environ: Mapping[str, str], *, socks: bool) -> tuple[Problem, ...]:
    """A problem for each proxy that no request can go through; `socks` says whether SOCKS is installed.

    A proxy's address may hold a password, so only its scheme is told.
    """
    if EVERYWHERE in _exceptions(environ):
        return ()
    usable = ("http", "https", *(SOCKS if socks else ()))
    found = {name: _scheme(environ[name]) for name in PROXIES if environ.get(name)}
    return tuple(
        Problem(
            f"{name} names a {scheme} proxy, which cannot be used",
            "an http or https proxy; for socks5 the package socksio",
            f"set {name} to one, or unset it" + ("; or install socksio" if scheme in SOCKS else ""),
        )
        for name, scheme in found.items()
        if scheme not in usable
    )


def _exceptions(environ: Mapping[str, str]) -> tuple[str, ...]:
    named = (one.strip() for name in EXCEPTIONS for one in environ.get(name, "").split(","))
    return tuple(dict.fromkeys(one for one in named if one))


def _scheme(address: str) -> str:
    return urlsplit(address).scheme.lower() if "://" in address else "http"
