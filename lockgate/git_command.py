"""How git is called: the environment of one call, and which addresses and names are let through to it.

A token reaches git only through GIT_CONFIG_* variables scoped to one address (git-config(1), "ENVIRONMENT"), so it is
in no argument list, no file and no message.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

from lockgate.child_environment import is_for_helpers
from lockgate.errors import Problem, RefusedError
from lockgate.secrets import Token

# Those of `git rev-parse --local-env-vars`, and others that make git look elsewhere, talk, or read paths as patterns.
_MISLEADING: Final = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX|GRAFT_FILE"
    r"|SHALLOW_FILE|REPLACE_REF_BASE|CONFIG|CONFIG_PARAMETERS|IMPLICIT_WORK_TREE|INTERNAL_\w+|QUARANTINE_PATH|ATTR_SOURCE"
    r"|TRACE\w*|CURL_VERBOSE|REDIRECT_\w+|EXTERNAL_DIFF|\w+_PATHSPECS|REF_PARANOIA|DEFAULT_HASH)"
)
# Settings that a person gives in the environment count in the person's own checkouts.
_GIVEN: Final = re.compile(r"GIT_CONFIG_(COUNT|KEY_\d+|VALUE_\d+)")
_PROMPT_FREE: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "SSH_ASKPASS_REQUIRE": "force",
    "GIT_EDITOR": "false",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "https:http:ssh:file",
}
# A redirect could carry the header to another host; background maintenance would outlive the call and hold locks.
_SETTINGS: Final = (
    ("http.followRedirects", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("log.showSignature", "false"),
)
# What no file of a repository that Lockgate made may say, were it written to.
_OWN_SETTINGS: Final = (
    ("core.hooksPath", "/dev/null"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.commitGraph", "false"),
    ("core.multiPackIndex", "false"),
    ("core.autocrlf", "false"),
    ("core.eol", "lf"),
    ("core.fileMode", "true"),
    ("core.quotePath", "true"),
)
# Who the person is and signs with, and how the person reaches other hosts (git-config(1)).
_CARRIED: Final = re.compile(
    r"(user|author|committer)\..+|gpg\..+|(commit|tag)\.gpgsign|core\.sshcommand|ssh\.variant|safe\.directory"
    r"|credential\..+|url\..+\.(insteadof|pushinsteadof)|http\.(.+\.)?(proxy\w*|ssl\w+|version|emptyauth|cookiefile)"
)
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def removed_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Name the variables that git must not inherit: those that redirect it, and all but a helper's (hooks would see them)."""
    passed = (name for name in environ if (is_for_helpers(name) or _GIVEN.fullmatch(name)))
    return tuple(environ.keys() - {name for name in passed if not _MISLEADING.fullmatch(name)})


def git_environment(
    environ: Mapping[str, str],
    url: str = "",
    token: Token | None = None,
    person: Sequence[tuple[str, str]] | None = None,
) -> dict[str, str]:
    """Give what is added to `environ` for one call of git; with a token also its header, for `url` alone.

    With `person` (what is carried over from the person's settings) it is a call in a repository of Lockgate's own: nothing
    else of the system's, the person's or the environment's settings counts there.
    """
    settings = [*_SETTINGS, *(_authorisation(url, token) if token and _is_http(url) else ())]
    first = int(environ.get("GIT_CONFIG_COUNT") or 0) if environ.get("GIT_CONFIG_COUNT", "0").isdigit() else 0
    added = dict(_PROMPT_FREE)
    if person is not None:
        settings = [*person, *_OWN_SETTINGS, *settings]
        first = 0
        added |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    added["GIT_CONFIG_COUNT"] = str(first + len(settings))
    for number, (key, value) in enumerate(settings, first):
        added[f"GIT_CONFIG_KEY_{number}"] = key
        added[f"GIT_CONFIG_VALUE_{number}"] = value
    return added


def carried_settings(listed: str) -> tuple[tuple[str, str], ...]:
    """What of a person's settings counts in Lockgate's own repositories too, of `git config --list -z`, in its order."""
    pairs = (entry.partition("\n") for entry in listed.split("\0") if entry)
    return tuple((key, value if found else "true") for key, found, value in pairs if _CARRIED.fullmatch(key))


def check_address(url: str, token: Token | None = None) -> None:
    """Refuse an address that git takes for an option, that holds a password, or that would send the token openly."""
    parts = _split(url)
    if not url or url.startswith("-") or not url.isprintable() or "::" in url.partition("/")[0]:
        raise RefusedError(
            Problem(
                f"{url!r} is no address of a repository",
                "https://host/owner/name, ssh://… , user@host:path or a folder",
                "Give another address, or set the remote with `git remote set-url origin ADDRESS`",
            )
        )
    if parts.password is not None or (_is_http(url) and parts.username and len(parts.username) > 30):
        raise RefusedError(
            Problem(
                f"The address of {without_credentials(url)} holds a password or token",
                "an address without one: it would show up in process lists and logs",
                "Set the remote to the address alone (`git remote set-url origin …`) and put the token into GH_TOKEN",
            )
        )
    if token and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise RefusedError(
            Problem(
                f"{url} is not encrypted, so the token would travel readable",
                "an https address",
                "Set the remote to the https address",
            )
        )


def without_credentials(url: str) -> str:
    """Give the address without user and password."""
    parts = _split(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if _is_http(url) else url


def check_commit(commit: str) -> str:
    """Give `commit` back, or refuse what is no full commit id (40 or 64 hexadecimal digits)."""
    if _COMMIT.fullmatch(commit):
        return commit
    raise RefusedError(
        Problem(f"{commit!r} is no full commit id", "40 hexadecimal digits", "Resolve the name to its commit first")
    )


def is_commit_id(revision: str) -> bool:
    """Whether this is a full commit id: the only name whose content never changes."""
    return _COMMIT.fullmatch(revision) is not None


def check_revision(revision: str) -> str:
    """Give `revision` back, or refuse what git would take for an option or for a range of commits."""
    if revision and not revision.startswith(("-", "^")) and ".." not in revision and revision.isprintable():
        return revision
    raise RefusedError(
        Problem(f"{revision!r} is no name of a commit", "a commit id, branch or tag", "Give one commit's name")
    )


_FORBIDDEN_IN_NAMES: Final = re.compile(r"\.\.|@\{|//|[\x00-\x20\x7f~^:?*\[\\]|(^|/)\.|\.lock(/|$)|^-|^/|[/.]$|^@$|^$")


def check_ref_name(name: str, kind: str) -> str:
    """Give a branch's or tag's name back, or refuse what git-check-ref-format(1) does not allow."""
    if not _FORBIDDEN_IN_NAMES.search(name):
        return name
    raise RefusedError(
        Problem(
            f"{name!r} cannot be the name of a {kind}",
            "a name that git-check-ref-format(1) allows: no blanks, no `..`, none of `~^:?*[\\`, no leading dash",
            f"Choose another {kind} name",
        )
    )


def _authorisation(url: str, token: Token) -> tuple[tuple[str, str], ...]:
    credentials = base64.b64encode(f"x-access-token:{token.reveal()}".encode()).decode()
    key = f"http.{without_credentials(url)}.extraHeader"
    # The empty values clear what the person's own configuration adds: two Authorization headers are refused by GitHub,
    # and a credential helper would be asked, and told to forget, on a wrong token.
    return (key, ""), (key, f"Authorization: Basic {credentials}"), ("credential.helper", "")


def _is_http(url: str) -> bool:
    return url.lower().startswith(("https://", "http://"))


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", url, "", "")
