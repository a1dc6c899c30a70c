"""docs/settings.md tells every setting, with its default."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from lockgate.settings import KEYS, Settings, resolve_settings

PAGE = (Path(__file__).parent.parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")]
DETECTED = {"project", "branch", "version-source", "release-notes", "import-name", "import-packages", "workflow"}


def default_of(key: str) -> Any:
    one = next(field for field in fields(Settings) if field.name == KEYS[key])
    return one.default if one.default is not MISSING else one.default_factory()  # type: ignore[misc]


def words(key: str) -> str:
    """A default as the page writes it."""
    if key in DETECTED:
        return "found"
    value = "v{version}" if key == "tag-format" else default_of(key)
    if value in ((), "", {}):
        return "none"
    if isinstance(value, bool):
        return "`yes`" if value else "`no`"
    if isinstance(value, dict):
        return ", ".join(f"`{name}: {when}`" for name, when in value.items())
    return f"`{', '.join(value) if isinstance(value, tuple) else format(value, 'g') if isinstance(value, float) else value}`"


def test_every_setting_is_told_once_and_no_other() -> None:
    assert sorted(row[0].strip("`") for row in ROWS) == sorted(KEYS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0].strip("`") for row in ROWS])
def test_the_default_and_the_meaning_stand_there(row: list[str]) -> None:
    key, default, meaning, found = row
    assert default == words(key.strip("`"))
    assert meaning
    assert bool(found) == (default == "found" or key in {"`tag-format`", "`index`"})


def test_the_example_is_valid() -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    text = f'[project]\nname = "sample"\nversion = "1.0"\n{example[1]}'
    settings = resolve_settings(tomllib.loads(text), default_branch="main", tags=(), read={"pyproject.toml": text}.get)
    assert settings.approvers == ("ada", "grace")
