"""Paths that a repository names: links in it lead nowhere, whatever reads or writes there; files that are no files end nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.desk import Desk, digests

MARKER = "a-text-of-somebody-else"
REFUSED = ("VERSION", "pyproject.toml", "releases", "releases/1.1.0.json")
PASSED_OVER = ("CHANGELOG.md", "releases/0.9.0.json", ".github/workflows/more.yml")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the checkout that is not the repository's: every file in it holds the marker."""
    folder = tmp_path / "outside"
    for name in ("file", "1.1.0.json", "publish.yml", "workflows/publish.yml", "__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {MARKER}\n")
    return folder


def link(desk: Desk, name: str, target: str | Path, *, pushed: bool = True) -> None:
    """Put a link in the place of a file or folder of the repository."""
    path = desk.checkout / name
    if path.is_dir():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    if pushed:
        desk.push("Link a file")


def target_of(name: str, outside: Path) -> Path:
    """What a link in this place would be useful for: a folder for a folder."""
    return outside if "." not in name.rpartition("/")[2][1:] and name != "VERSION" else outside / "file"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("plan", "VERSION"),
        *(pytest.param("plan", name, marks=pytest.mark.slow) for name in REFUSED[1:]),
        *(pytest.param("release", name, marks=pytest.mark.slow) for name in REFUSED),
    ],
)
def test_a_link_that_is_needed_is_refused(command: str, name: str, desk: Desk, outside: Path) -> None:
    link(desk, name, target_of(name, outside))
    before, there = desk.seen(), digests(outside)
    ended = desk.run(command, "minor", *(["--yes"] if command == "release" else []))
    assert ended.code == 1, ended.out + ended.err
    assert f"{name} of commit" in ended.out
    assert "is a link to" in ended.out
    assert MARKER not in ended.out + ended.err
    assert (desk.seen(), digests(outside)) == (before, there)


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSED_OVER)
def test_a_link_that_is_not_needed_is_passed_over_and_told(name: str, desk: Desk, outside: Path) -> None:
    link(desk, name, outside / "file")
    ended = desk.run("plan", "minor")
    assert ended.code == 0, ended.out + ended.err
    assert name in ended.out
    assert "passed over" in ended.out
    assert MARKER not in ended.out + ended.err


@pytest.mark.slow
@pytest.mark.parametrize("name", [".github", ".github/workflows", ".github/workflows/publish.yml"])
def test_workflows_behind_a_link_are_none(name: str, desk: Desk, outside: Path) -> None:
    link(desk, name, target_of(name, outside))
    ended = desk.run("plan", "minor")
    assert ended.code == 1, ended.out + ended.err
    assert f"{name} is a link" in ended.out
    assert MARKER not in ended.out + ended.err


@pytest.mark.parametrize(
    "name",
    [
        ".github",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("pyproject.toml", ".github/workflows", "VERSION", ".github/workflows/publish.yml")
        ),
    ],
)
def test_init_reads_and_writes_through_no_link(name: str, desk: Desk, outside: Path) -> None:
    shutil.rmtree(desk.checkout / ".github")
    link(desk, name, target_of(name, outside), pushed=False)
    before, there = digests(desk.checkout), digests(outside)
    ended = desk.run("init", "--yes")
    assert f"'{name}'" in ended.out
    assert "is a link to" in ended.out
    assert str(outside) in ended.out
    assert MARKER not in ended.out + ended.err
    assert digests(outside) == there
    if name.endswith(".yml"):
        assert (desk.checkout / name).is_symlink()
    else:
        assert ended.code in {1, 2}
        assert digests(desk.checkout) == before
