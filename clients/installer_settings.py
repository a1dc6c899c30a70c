"""Where packages come from on this machine: pip's and uv's configuration as variables, for code that gets another home.

Only addresses and what belongs to them; the logins in them are taken out by `lockgate.child_environment`.
"""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PIP_KEYS: Final = ("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert", "constraint")
UV_KEYS: Final = ("index-url", "extra-index-url", "find-links", "no-index", "index-strategy", "native-tls", "offline")


def installer_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """What the person's own pip.conf and uv.toml say, as the variables that mean the same; a variable that is set wins.

    A file that cannot be read says nothing: the installer itself would refuse it, and here it is not reached.
    """
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    own = environ.get("PIP_CONFIG_FILE")
    files = (Path(own),) if own else (home / ".pip" / "pip.conf", config / "pip" / "pip.conf")
    found = {} if environ.get("UV_NO_CONFIG") else _uv(config / "uv" / "uv.toml")
    for file in files:
        found |= _pip(file)
    return found


def _pip(file: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    values = {
        key: value for part in ("global", "install") if parser.has_section(part) for key, value in parser.items(part)
    }
    return {_variable("PIP", key): " ".join(values[key].split()) for key in PIP_KEYS if values.get(key)}


def _uv(file: Path) -> dict[str, str]:
    try:
        told: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    told = {**(told["pip"] if isinstance(told.get("pip"), dict) else {}), **told}
    found = {_variable("UV", key): _words(told[key]) for key in UV_KEYS if key in told}
    indexes = [one for one in told.get("index", ()) if isinstance(one, dict) and isinstance(one.get("url"), str)]
    for one in indexes:
        name = "UV_DEFAULT_INDEX" if one.get("default") is True else "UV_INDEX"
        found[name] = f"{found[name]} {one['url']}" if name in found else one["url"]
    return found


def _variable(tool: str, key: str) -> str:
    return f"{tool}_{key.upper().replace('-', '_')}"


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
