"""Lockgate's own workspace, on real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clients import git, git_workspace
from lockgate.errors import RefusedError


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one commit, that nobody claimed."""
    path = tmp_path / "clone"
    subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
    (path / "code.py").write_text("one\n")
    subprocess.run(["git", "-C", str(path), "add", "."], check=True)
    subprocess.run(["git", "-C", str(path), "commit", "-q", "-m", "First"], check=True)
    return path


def test_workspace_is_put_back_with_all_that_was_left_in_it(clone: Path) -> None:
    first = git.resolve(clone, "HEAD") or ""
    git_workspace.claim(clone)
    (clone / "code.py").write_text("two\n")
    (clone / "left.txt").write_text("left\n")
    (clone / ".git" / "index.lock").touch()
    git_workspace.start_from(clone, "main", first)
    assert (clone / "code.py").read_text() == "one\n"
    assert git.observe_checkout(clone).dirty == ()


def test_checkout_of_a_person_is_never_put_back(clone: Path) -> None:
    (clone / "code.py").write_text("two\n")
    with pytest.raises(RefusedError, match=r"a checkout that Lockgate did not make.*LOCKGATE_HOME"):
        git_workspace.start_from(clone, "main", "HEAD")
    assert (clone / "code.py").read_text() == "two\n"


def test_copy_of_a_workspace_is_not_taken_for_it(clone: Path, tmp_path: Path) -> None:
    git_workspace.claim(clone)
    clone.rename(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="a checkout that Lockgate did not make"):
        git_workspace.start_from(tmp_path / "elsewhere", "main", "HEAD")
    with pytest.raises(RefusedError, match="a checkout that Lockgate did not make"):
        git_workspace.drop_tag(tmp_path / "elsewhere", "v1.0")


def test_commits_work_where_git_knows_no_person(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    git_workspace.claim(clone)
    git_workspace.renew(clone, "https://host.example/o/n")
    (clone / "code.py").write_text("two\n")
    git.commit_files(clone, ["code.py"], "Second")
    made_by = subprocess.run(
        ["git", "-C", str(clone), "log", "-1", "--format=%an"], check=True, capture_output=True, text=True
    )
    assert made_by.stdout == "Lockgate\n"


def test_the_person_that_git_knows_stays(clone: Path) -> None:
    git_workspace.claim(clone)
    git_workspace.renew(clone, "https://host.example/o/n")
    (clone / "code.py").write_text("two\n")
    git.commit_files(clone, ["code.py"], "Second")
    made_by = subprocess.run(
        ["git", "-C", str(clone), "log", "-1", "--format=%an"], check=True, capture_output=True, text=True
    )
    assert made_by.stdout == "Ada\n"


def test_nothing_that_was_written_into_it_says_how_git_works(clone: Path, tmp_path: Path) -> None:
    inner, commit = clone / ".git", git.resolve(clone, "HEAD") or ""
    git_workspace.claim(clone)
    ran = tmp_path / "ran"
    for name in ("post-checkout", "pre-commit", "reference-transaction"):
        (inner / "hooks").mkdir(exist_ok=True)
        (inner / "hooks" / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (inner / "hooks" / name).chmod(0o755)
    (inner / "info").mkdir(exist_ok=True)
    (inner / "info" / "attributes").write_text("* filter=evil\n")
    (inner / "info" / "grafts").write_text(f"{commit}\n")
    (inner / "objects" / "info").mkdir(exist_ok=True)
    (inner / "objects" / "info" / "alternates").write_text("/elsewhere/objects\n")
    (inner / "evil").write_text(f'[filter "evil"]\n\tsmudge = touch {ran}\n[core]\n\tfsmonitor = touch {ran}\n')
    with (inner / "config").open("a") as file:
        file.write(f"[include]\n\tpath = {inner / 'evil'}\n[http]\n\tproxy = http://evil.example\n")
        file.write('[url "http://evil.example/"]\n\tinsteadOf = https://host.example/\n')
    git_workspace.renew(clone, "https://host.example/o/n")
    git_workspace.start_from(clone, "main", commit)
    git.observe_checkout(clone)
    assert not ran.exists()
    assert not {"hooks", "info", "evil"} & {one.name for one in inner.iterdir()}
    assert not (inner / "objects" / "info" / "alternates").exists()
    assert "evil" not in (inner / "config").read_text()
    assert git.remote_url(clone) == "https://host.example/o/n"


@pytest.mark.parametrize("name", ["config", "objects", "refs"])
def test_a_part_of_it_that_is_a_link_is_refused(clone: Path, tmp_path: Path, name: str) -> None:
    git_workspace.claim(clone)
    (clone / ".git" / name).rename(tmp_path / name)
    (clone / ".git" / name).symlink_to(tmp_path / name)
    with pytest.raises(RefusedError, match="is a link"):
        git_workspace.renew(clone, "https://host.example/o/n")
