"""Files by names that a repository wrote: nothing outside is read or written, whatever is on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clients import inside
from lockgate.documents import LONGEST
from lockgate.errors import RefusedError

OUTSIDE = [
    "../x",
    "/etc/hostname",
    ".git/config",
    ".GIT/config",
    "git~1/config",
    ".git. /config",
    "a\u200b/x",
    "a\\x",
    "",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with links of every kind in it, beside a file and a folder that are not its own."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to("../elsewhere")
    (root / "nowhere").symlink_to("missing")
    (root / "own").mkdir()
    (root / "own" / "x").write_text("ours")
    return root


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leads_outside_is_refused(name: str, root: Path) -> None:
    for act in (inside.read_file, inside.check_file, lambda *given: inside.write_file(*given, b"x")):
        with pytest.raises(RefusedError, match="leads out of"):
            act(root, name)


@pytest.mark.parametrize("name", ["file", "folder/x", "folder/new/x", "nowhere", "nowhere/x"])
def test_no_link_is_followed(name: str, root: Path) -> None:
    for act in (inside.read_file, inside.check_file, lambda *given: inside.write_file(*given, b"x")):
        with pytest.raises(RefusedError, match="is a link to"):
            act(root, name)
    assert (root.parent / "secret").read_text() == (root.parent / "elsewhere" / "x").read_text() == "secret"
    assert [one.name for one in (root.parent / "elsewhere").iterdir()] == ["x"]


def test_a_link_that_came_after_the_look_is_not_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "_refuse_link", lambda *_: None)
    with pytest.raises(RefusedError, match="cannot be read"):
        inside.read_file(root, "file")
    assert inside.read_file(root, "folder/x") is None
    assert inside.list_folder(root, "folder") == ()
    for name in ("file", "folder/x"):
        with pytest.raises(RefusedError, match="cannot be read"):
            inside.write_file(root, name, b"x")
    assert (root.parent / "secret").read_text() == (root.parent / "elsewhere" / "x").read_text() == "secret"


def test_a_file_is_read_and_replaced_with_its_mode(root: Path) -> None:
    (root / "own" / "x").chmod(0o755)
    inside.write_file(root, "own/x", b"new")
    inside.write_file(root, "own/more/y", b"y")
    assert inside.read_file(root, "own/x") == b"new"
    assert (root / "own" / "x").stat().st_mode & 0o777 == 0o755
    assert inside.list_folder(root, "own") == ("more", "x")
    assert inside.read_file(root, "own/z") is inside.read_file(root, "own/x/z") is None
    assert inside.list_folder(root, "absent") == ()


def test_what_is_no_file_of_a_usual_size_is_refused(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "large").write_bytes(b" " * (LONGEST + 1))
    for name in ("pipe", "own", "large"):
        with pytest.raises(RefusedError, match="cannot be read"):
            inside.read_file(root, name)
    for name in ("pipe", "own", "own/x/below"):
        with pytest.raises(RefusedError, match="cannot be read"):
            inside.write_file(root, name, b"x")
