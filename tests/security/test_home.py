"""Lockgate's home is one account's alone from its first byte, and what others put there is refused."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from clients import exports
from clients.locks import hold
from clients.own_files import read_own, write_own
from clients.store import Store
from lockgate.errors import SettingsError
from tests.desk import COMMAND, Desk
from tests.sealing import SEALS

ROOT = os.geteuid() == 0
NOBODY = 65534


def wide(folder: Path) -> list[str]:
    """What a folder holds that others may read or write."""
    found = [path for path in (folder, *folder.rglob("*")) if not path.is_symlink()]
    return [f"{path} {stat.S_IMODE(path.stat().st_mode):04o}" for path in found if path.stat().st_mode & 0o077]


def loose(desk: Desk, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as a shell with the usual umask runs it."""
    return subprocess.run(
        [*COMMAND, *words], cwd=desk.checkout, env=desk.environ, capture_output=True, text=True, timeout=300,
        stdin=subprocess.DEVNULL, umask=0o022,
    )  # fmt: skip


def test_all_that_a_plan_makes_is_the_accounts_alone(desk: Desk) -> None:
    done = loose(desk, "plan", "minor")
    assert done.returncode == 0, done.stdout + done.stderr
    home = Path(desk.environ["LOCKGATE_HOME"])
    assert (home / "workspaces").is_dir()
    assert wide(home) == []


def test_what_a_person_is_given_has_the_usual_modes(desk: Desk, tmp_path: Path) -> None:
    done = loose(desk, "plan", "minor", "--report", str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == 0o644


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_that_a_release_and_its_server_make_is_the_accounts_alone(desk: Desk) -> None:
    desk.environ.pop("PREFECT_HOME")
    done = loose(desk, "release", "patch", "--yes", "--tested", "here")
    assert done.returncode == 0, done.stdout + done.stderr
    home = Path(desk.environ["LOCKGATE_HOME"])
    assert (home / "terminal" / "prefect.db").is_file()
    assert (home / "store").is_dir()
    assert wide(home) == []


@pytest.mark.parametrize(
    "command", [("plan", "minor"), ("release", "minor", "--yes"), ("status",), ("up",), ("worker",)]
)
def test_a_wider_home_is_refused_with_the_command_that_mends_it(desk: Desk, command: tuple[str, ...]) -> None:
    home = Path(desk.environ["LOCKGATE_HOME"])
    (home / "workspaces").mkdir(parents=True)
    home.chmod(0o755)
    desk.environ["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    ended = desk.run(*command)
    assert ended.code == 2
    said = ended.out + ended.err
    assert f"other accounts may enter {home}: its mode is 0755" in said
    assert f"chmod -R go= {home}" in said
    subprocess.run(["chmod", "-R", "go=", str(home)], check=True)
    assert "may enter" not in desk.run("plan", "minor").out


def test_a_wider_sandbox_is_refused_too(desk: Desk, tmp_path: Path) -> None:
    """It holds a token, and is Lockgate's home while it is used."""
    folder = tmp_path / "wide"
    folder.mkdir()
    (folder / "something").touch()
    folder.chmod(0o770)
    ended = desk.run("plan", "minor", "--sandbox", str(folder))
    assert (ended.code, "its mode is 0770" in ended.out + ended.err) == (2, True)


def test_a_home_that_anybody_can_replace_is_refused(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    desk.environ["LOCKGATE_HOME"] = str(tmp_path / "open" / "home")
    ended = desk.run("plan", "minor")
    assert (ended.code, "anybody may replace" in ended.out + ended.err) == (2, True)


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
@pytest.mark.parametrize("what", [".", "up.lock", "password", "workspaces"])
def test_what_another_account_owns_is_refused(desk: Desk, what: str) -> None:
    home = Path(desk.environ["LOCKGATE_HOME"])
    (home / "workspaces").mkdir(parents=True)
    for name in ("up.lock", "password"):
        (home / name).touch()
    os.chown(home / what, NOBODY, NOBODY)
    ended = desk.run("plan", "minor")
    assert (ended.code, f"belongs to the account {NOBODY}" in ended.out + ended.err) == (2, True)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "work.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(SettingsError, match="not to be trusted"), hold(tmp_path / "work"):
        pass
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_password_that_others_could_have_written_is_not_used(tmp_path: Path) -> None:
    write_own(tmp_path / "password", "admin:one\n")
    assert read_own(tmp_path / "password") == "admin:one\n"
    (tmp_path / "password").chmod(0o644)
    with pytest.raises(SettingsError, match="mode 0644"):
        read_own(tmp_path / "password")
    (tmp_path / "link").symlink_to(tmp_path / "password")
    with pytest.raises(SettingsError, match="not to be trusted"):
        read_own(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SettingsError, match="not to be trusted"):
        read_own(tmp_path / "pipe")


def test_a_shared_store_stays_shared(tmp_path: Path) -> None:
    """Several accounts' machines write to it: what is made there is as open as its folder."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2770)
    file = tmp_path / "wheel"
    file.write_bytes(b"bytes")
    store = Store(str(shared), SEALS)
    kept = store.put(file)
    store.write_record("turns/a", "{}")
    assert store.swap_record("turns/a", "{}", "[]")
    modes = {path.is_dir(): stat.S_IMODE(path.stat().st_mode) for path in shared.rglob("*")}
    assert modes == {True: 0o2770, False: 0o660}
    assert store.has(kept)


def test_an_export_has_the_modes_that_git_knows(desk: Desk, tmp_path: Path) -> None:
    """An sdist keeps them: other accounts have to read what is installed from it."""
    exports.export(desk.checkout, desk.git("rev-parse", "HEAD").strip(), tmp_path / "export")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "export").rglob("*") if path.is_file()} <= {
        0o644,
        0o755,
    }
