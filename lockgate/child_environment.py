"""Which environment variables a child process gets: by lists of what is let through, never of what is kept back.

Two kinds of children. The project's own code (build, tests, commands, trials) gets what says how to run, where packages
come from, and what the project's settings name. Lockgate's own helpers (git, ssh-keygen, gh, twine, zizmor) act for the
person, so they also get the person's home, agent and network settings; a token only reaches the call that needs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_ANY: Final = r"PATH|LANG|LANGUAGE|LC_\w+|TZ|TERM|COLUMNS|NO_COLOR|PYENV_\w+|ASDF_\w+|MISE_DATA_DIR|JAVA_HOME"
_NETWORK: Final = (
    r"(?i:https?_proxy|all_proxy|no_proxy)|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
)
_INSTALLERS: Final = (
    r"PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|CERT|CONSTRAINT|BUILD_CONSTRAINT|PREFER_BINARY"
    r"|ONLY_BINARY|NO_BINARY|TIMEOUT|DEFAULT_TIMEOUT|RETRIES|DISABLE_PIP_VERSION_CHECK)"
    r"|UV_(INDEX|DEFAULT_INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|INDEX_STRATEGY|CONSTRAINT|BUILD_CONSTRAINT"
    r"|OFFLINE|NATIVE_TLS|SYSTEM_CERTS|HTTP_TIMEOUT|HTTP_RETRIES|INSECURE_HOST|LINK_MODE|PYTHON_DOWNLOADS)"
)
_PERSON: Final = (
    r"HOME|USER|LOGNAME|SHELL|TMPDIR|XDG_\w+|DISPLAY|WAYLAND_DISPLAY|DBUS_SESSION_BUS_ADDRESS|SSH_AUTH_SOCK|SSH_AGENT_PID"
    r"|GNUPGHOME|GPG_TTY|GPG_AGENT_INFO|KRB5\w*|GH_CONFIG_DIR|GH_HOST|PIP_CONFIG_FILE|VIRTUAL_ENV"
    r"|GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)|GIT_SSH|GIT_SSH_COMMAND|GIT_SSH_VARIANT|GIT_PROXY_COMMAND|GIT_SSL_\w+"
    r"|GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)|GIT_EXEC_PATH|GIT_TEMPLATE_DIR|GIT_CEILING_DIRECTORIES|PYTHONDONTWRITEBYTECODE"
)
_ADDRESSES: Final = re.compile(f"{_NETWORK}|{_INSTALLERS}")
_PROJECT_NAMES: Final = re.compile(f"{_ANY}|{_NETWORK}|{_INSTALLERS}")
_HELPER_NAMES: Final = re.compile(f"{_ANY}|{_NETWORK}|{_INSTALLERS}|{_PERSON}")
# Up to the last @ of a word: a password with a slash in it is no valid address, and a secret all the same.
_LOGIN: Final = re.compile(r"(?<!\S)((?:[\w-]+=)?(?:[a-zA-Z][a-zA-Z0-9+.-]*://)?)\S*@")


def project_environment(environ: Mapping[str, str], named: Iterable[str] = ()) -> dict[str, str]:
    """What the project's code gets of `environ`: the allow-list, addresses without their logins, then `named` as they are.

    HOME and TMPDIR are left out: whoever runs the code gives it new ones.
    """
    passed = {name: value for name, value in environ.items() if _PROJECT_NAMES.fullmatch(name)}
    plain = {name: without_login(value) if _ADDRESSES.fullmatch(name) else value for name, value in passed.items()}
    return {**plain, **{name: environ[name] for name in named if name in environ}}


def helper_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What Lockgate's own helpers get of `environ`: the person's home, agent and network settings, and no token."""
    return {name: value for name, value in environ.items() if is_for_helpers(name)}


def is_for_helpers(name: str) -> bool:
    """Whether Lockgate's own helpers get a variable of this name."""
    return _HELPER_NAMES.fullmatch(name) is not None


def without_login(value: str) -> str:
    """The value with user and password taken out of every address in it."""
    return _LOGIN.sub(r"\1", value)
