"""A tiny real package in a git repository of its own, for the demo and the tests."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

Backend = Literal["hatchling", "flit_core", "setuptools", "poetry-core", "uv_build"]
VersionSource = Literal["VERSION file", "static", "python file", "scm"]
Trigger = Literal["tag", "release", "dispatch"]
Upload = Literal["rebuild", "release assets"]
NAME = "lockgate-sample"
PREVIOUS = "1.0.0"
GIT_TIMEOUT_SECONDS = 60
CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8  # v5.0.0"
SETUP = "actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c  # v6.0.0"
STORE = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02  # v4.6.2"
FETCH = "actions/download-artifact@634f93cb2916e3fdff6788551b99b062d0335ce0  # v5.0.0"
PUBLISH = "pypa/gh-action-pypi-publish@ed0c53931b1dc9bd32cbe73a98c7f6766f8a527e  # v1.13.0"
TRIGGERS = {
    "tag": 'on:\n  push:\n    tags: ["v*"]\n',
    "release": "on:\n  release:\n    types: [published]\n",
    "dispatch": 'on:\n  push:\n    tags: ["v*"]\n  workflow_dispatch:\n',
}
REQUIRES = {
    "hatchling": '"hatchling"',
    "flit_core": '"flit_core >=3.11,<4"',
    "setuptools": '"setuptools>=77"',
    "poetry-core": '"poetry-core>=2"',
    "uv_build": '"uv_build>=0.8"',
}
MODULES = {
    "hatchling": "hatchling.build",
    "flit_core": "flit_core.buildapi",
    "setuptools": "setuptools.build_meta",
    "poetry-core": "poetry.core.masonry.api",
    "uv_build": "uv_build",
}
SOURCES: dict[str, tuple[str, ...]] = {
    "VERSION file": ("hatchling", "setuptools"),
    "static": tuple(MODULES),
    "python file": ("hatchling", "flit_core", "setuptools"),
    "scm": ("hatchling", "setuptools"),
}
IGNORED = "__pycache__/\ndist/\nbuild/\n*.egg-info/\n"
README = f"""# {NAME}

A package that exists to be released. It says how many days are left until a day.
"""
CHANGELOG = f"""# Changelog

## Unreleased

- Weeks can be counted too.

## {PREVIOUS}

- First release.
"""
DAYS = '''"""How many days are left until a day."""

from __future__ import annotations

from datetime import date


def days_until(day: date, today: date) -> int:
    """The days from today until the day; negative when it is over."""
    return (day - today).days
'''
WEEKS = '''"""How many whole weeks are left until a day."""

from __future__ import annotations

from datetime import date

from lockgate_sample.days import days_until


def weeks_until(day: date, today: date) -> int:
    """The whole weeks from today until the day."""
    return days_until(day, today) // 7
'''
TEST = """from datetime import date

from lockgate_sample.days import days_until


def test_days_until_tomorrow():
    assert days_until(date(2026, 1, 2), date(2026, 1, 1)) == 1
"""


def write_sample(
    folder: Path,
    backend: Backend = "hatchling",
    version_source: VersionSource = "VERSION file",
    trigger: Trigger = "tag",
    branch: str = "main",
    upload: Upload = "rebuild",
    test_command: Sequence[str] = (),
) -> Path:
    """Make the sample's repository in the folder: release 1.0.0 tagged v1.0.0, and some commits after it.

    Its tests are pytest's; Lockgate runs them when it is given the command, else a person is asked for evidence.
    Raises ValueError for a version source that the backend does not have.
    """
    if backend not in SOURCES[version_source]:
        raise ValueError(f"{backend} has no version source {version_source!r}; take one of {SOURCES[version_source]}")
    folder.mkdir(parents=True, exist_ok=True)
    _git(folder, "init", "--quiet", f"--initial-branch={branch}")
    for name, text in _files(backend, version_source, trigger, upload).items():
        _write(folder, name, text)
    _commit(folder, "Count the days until a day")
    _git(folder, "tag", "-a", f"v{PREVIOUS}", "-m", f"Release {PREVIOUS}")
    _write(folder, "src/lockgate_sample/weeks.py", WEEKS)
    if test_command:
        tables = (
            '[tool.pytest.ini_options]\npythonpath = ["src"]',
            f"[tool.lockgate]\ntest-command = {json.dumps(test_command)}",
        )
        _write(folder, "pyproject.toml", "\n".join([_pyproject(backend, version_source), *tables, ""]))
    _commit(folder, "Count weeks too")
    _write(folder, "CHANGELOG.md", CHANGELOG)
    _commit(folder, "Say what is new")
    return folder


def _files(backend: Backend, version_source: VersionSource, trigger: Trigger, upload: Upload) -> dict[str, str]:
    module = '"""Days and weeks until a day."""\n'
    if version_source == "python file":
        module += f'\n__version__ = "{PREVIOUS}"\n'
    files = {
        "pyproject.toml": _pyproject(backend, version_source),
        "src/lockgate_sample/__init__.py": module,
        "src/lockgate_sample/days.py": DAYS,
        "tests/test_days.py": TEST,
        "README.md": README,
        "CHANGELOG.md": CHANGELOG.replace("- Weeks can be counted too.\n\n", ""),
        ".gitignore": IGNORED,
        ".github/workflows/publish.yml": _workflow(trigger, upload),
    }
    return {**files, **({"VERSION": f"{PREVIOUS}\n"} if version_source == "VERSION file" else {})}


def _pyproject(backend: Backend, version_source: VersionSource) -> str:
    extra = {"hatchling": ', "hatch-vcs"', "setuptools": ', "setuptools-scm>=8"'}
    requires = REQUIRES[backend] + (extra[backend] if version_source == "scm" else "")
    static = version_source == "static"
    version = f'version = "{PREVIOUS}"' if static else 'dynamic = ["version"]'
    return f"""[build-system]
requires = [{requires}]
build-backend = "{MODULES[backend]}"

[project]
name = "{NAME}"
{version}
description = "Days and weeks until a day"
readme = "README.md"
requires-python = ">=3.11"

[project.urls]
Source = "https://github.com/example/{NAME}"
{_backend_tables(backend, version_source)}"""


def _backend_tables(backend: Backend, version_source: VersionSource) -> str:
    """What the backend must be told of the package and of its version."""
    tables = {
        ("hatchling", "VERSION file"): '\n[tool.hatch.version]\npath = "VERSION"\npattern = "(?P<version>[^\\\\s]+)"\n',
        ("hatchling", "python file"): '\n[tool.hatch.version]\npath = "src/lockgate_sample/__init__.py"\n',
        ("hatchling", "scm"): '\n[tool.hatch.version]\nsource = "vcs"\n',
        ("setuptools", "VERSION file"): '\n[tool.setuptools.dynamic]\nversion = { file = "VERSION" }\n',
        (
            "setuptools",
            "python file",
        ): '\n[tool.setuptools.dynamic]\nversion = { attr = "lockgate_sample.__version__" }\n',
        ("setuptools", "scm"): "\n[tool.setuptools_scm]\n",
        ("poetry-core", "static"): '\n[tool.poetry]\npackages = [{ include = "lockgate_sample", from = "src" }]\n',
    }
    return tables.get((backend, version_source), "")


def _workflow(trigger: Trigger, upload: Upload) -> str:
    return f"""name: Publish

{TRIGGERS[trigger]}
permissions: {{}}

jobs:
{_build_job() if upload == "rebuild" else ""}{_publish_job(upload)}"""


def _build_job() -> str:
    return f"""  build:
    runs-on: ubuntu-latest
    permissions:
      contents: read
    steps:
      - uses: {CHECKOUT}
        with:
          fetch-depth: 0
          persist-credentials: false
      - uses: {SETUP}
        with:
          python-version: "3.x"
      - name: Build
        run: |
          python -m pip install build
          python -m build
      - uses: {STORE}
        with:
          name: dist
          path: dist/
"""


def _publish_job(upload: Upload) -> str:
    fetch = f"      - uses: {FETCH}\n        with:\n          name: dist\n          path: dist/\n"
    if upload == "release assets":
        fetch = """      - name: Take the files of the release
        env:
          GH_TOKEN: ${{ github.token }}
          TAG: ${{ github.ref_name }}
        run: gh release download "$TAG" --repo "$GITHUB_REPOSITORY" --dir dist
      - name: Compare them with the digests in the tag's message
        env:
          GH_TOKEN: ${{ github.token }}
          TAG: ${{ github.ref_name }}
        run: |
          tag="$(gh api "repos/$GITHUB_REPOSITORY/git/ref/tags/$TAG" --jq .object.sha)"
          gh api "repos/$GITHUB_REPOSITORY/git/tags/$tag" --jq .message | sed -nE 's/^sha256 (\\S+) (\\S+)$/\\1  \\2/p' > digests
          cd dist && sha256sum --check --strict ../digests
"""
    needs = "    needs: build\n" if upload == "rebuild" else ""
    contents = "      contents: write\n" if upload == "release assets" else ""
    return f"""  publish:
{needs}    runs-on: ubuntu-latest
    environment: pypi
    permissions:
{contents}      id-token: write
    steps:
{fetch}      - uses: {PUBLISH}
"""


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _commit(folder: Path, message: str) -> None:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "-m", message)


def _git(folder: Path, *arguments: str) -> None:
    """Call git as the sample's maintainer, without this machine's own settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "Sample Maintainer", f"GIT_{role}_EMAIL": "maintainer@example.com"}
    command = ["git", "-C", str(folder), *arguments]
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=GIT_TIMEOUT_SECONDS)
