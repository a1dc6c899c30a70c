"""The token is nowhere: a whole release with a marker for a token, then everything that it left is searched for it.

The marker looks like no known token, so that nothing is hidden by masking what looks like one.
"""

from __future__ import annotations

import base64
import contextlib
import os
import sqlite3
import stat
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import quote

import pytest

from sandbox.faults import Fault
from sandbox.sample import write_sample

MARKER = "marker/of+the=token-4f1d7c"
PASSWORDS = {
    name: f"marker/{name}+of=another-9e2b" for name in ("PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "TWINE_PASSWORD")
}
ADDRESS = {"DATABASE_URL": "postgresql://me:marker-of-an-address-77c1@db.example/x"}
"""Secrets of the machine that a release has nothing to do with."""

HOOK = """\
import os
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    def initialize(self, version, data):
        print("the backend's environment:", dict(os.environ), flush=True)
"""
TELL = ["python", "-c", "import os; print('the environment:', dict(os.environ))"]
SETTINGS = f"\n[tool.hatch.build.hooks.custom]\n\n[tool.lockgate]\ntest-command = {TELL!r}\npre-release = [{TELL!r}]\n"


def forms(secret: str) -> tuple[bytes, ...]:
    """The ways in which a secret is written: as it is, in a URL, in basic authentication wherever it begins there."""
    basic = (base64.b64encode(f"{user}:{secret}".encode()) for user in ("x-access-token", "git", ""))
    shifted = (base64.b64encode(b"x" * shift + secret.encode())[4:-4] for shift in range(3))
    return (secret.encode(), quote(secret, safe="").encode(), *basic, *shifted)


def holds(data: bytes) -> bool:
    others = (*PASSWORDS.values(), "marker-of-an-address-77c1")
    return any(form in data for secret in (MARKER, *others) for form in forms(secret))


def contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what is packed in it."""
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif path.name.endswith(".tar.gz") or path.read_bytes()[:2] == b"\x1f\x8b":
        with contextlib.suppress(tarfile.ReadError), tarfile.open(path) as archive:
            members = [archive.extractfile(member) for member in archive.getmembers()]
            yield from (member.read() for member in members if member is not None)


def leaks(folder: Path) -> list[str]:
    """The files under a folder that hold the marker, git's objects and packed files included."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    found = [str(path) for path in files if any(holds(data) for data in contents(path))]
    for head in (path for path in files if path.name == "HEAD" and (path.parent / "objects").is_dir()):
        objects = subprocess.run(
            ["git", "cat-file", "--batch", "--batch-all-objects"], cwd=head.parent, capture_output=True, check=True, timeout=60
        )  # fmt: skip
        found += [f"objects of {head.parent}"] if holds(objects.stdout) else []
    return found


def rows(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every row of a SQLite database, with its table: a long value lies in the file in pieces."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for row in connection.execute(f"select * from {table}"):
                yield table, b" ".join(value if isinstance(value, bytes) else str(value).encode() for value in row)


class Watch:
    """Collects the arguments of every process while it lasts: git's exactly, the others' by looking again and again."""

    def __init__(self, folder: Path) -> None:
        self.seen: set[bytes] = set()
        self._git = folder / "git-arguments"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        (folder / "bin").mkdir()
        shim = folder / "bin" / "git"
        real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        shim.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{self._git}'\nexec '{real}' \"$@\"\n")
        shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
        self.path = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.seen.add(self._git.read_bytes())

    def _look(self) -> None:
        while not self._stop.wait(0.01):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.seen.add(path.read_bytes())


def test_the_search_finds_a_marker_wherever_it_hides(tmp_path) -> None:
    (tmp_path / "plain").write_text(f"a line with {MARKER} in it")
    (tmp_path / "config").write_bytes(b"basic " + base64.b64encode(f"x-access-token:{MARKER}".encode()))
    (tmp_path / "other").write_bytes(b"basic " + base64.b64encode(f"somebody:{MARKER}".encode()))
    (tmp_path / "url").write_text(f"https://x:{quote(MARKER, safe='')}@host/")
    with zipfile.ZipFile(tmp_path / "logs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.txt", MARKER * 9)
    with tarfile.open(tmp_path / "sdist.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "plain")
    write_sample(tmp_path / "sample")
    (tmp_path / "sample" / "VERSION").write_text(MARKER)
    for words in (("add", "VERSION"), ("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-qm", "x")):
        subprocess.run(["git", *words], cwd=tmp_path / "sample", check=True, timeout=60)
    (tmp_path / "sample" / "VERSION").write_text("clean")
    with contextlib.closing(sqlite3.connect(tmp_path / "data.db")) as connection:
        connection.execute("create table log (message text)")
        connection.execute("insert into log values (?)", (MARKER * 1000,))
        connection.commit()
    found = {path.removeprefix(f"{tmp_path}/") for path in leaks(tmp_path)}
    assert found >= {
        "plain",
        "config",
        "other",
        "url",
        "logs.zip",
        "sdist.tar.gz",
        f"objects of {tmp_path}/sample/.git",
    }
    assert [table for table, row in rows(tmp_path / "data.db") if holds(row)] == ["log"]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads other processes' arguments from /proc")
def test_the_token_is_nowhere_after_a_release(desk_with_prefect, prefect_api, tmp_path) -> None:
    """Also when GitHub fails and replies are lost on the way, and with commands and a backend that print their environment."""
    desk, home = desk_with_prefect, Path(os.environ["PREFECT_HOME"])
    desk.world._change_settings(token=MARKER)
    desk.environ |= {"GH_TOKEN": MARKER, "GITHUB_TOKEN": MARKER, **PASSWORDS, **ADDRESS}
    server = os.environ["PREFECT_API_AUTH_STRING"].partition(":")[2].encode()
    desk.write("hatch_build.py", HOOK)
    desk.write("pyproject.toml", (desk.checkout / "pyproject.toml").read_text() + SETTINGS)
    desk.push("Print the environment")
    desk.world.faults.add(Fault("error", match="POST .*/releases$", options={"status": 502}))
    desk.world.faults.add(Fault("drop-reply", "origin", match="POST .*git-receive-pack", after=1))
    with Watch(tmp_path) as watch:
        desk.environ["PATH"] = watch.path
        ended = desk.run(
            "release", "patch", "--yes", "--tested", "here", "--json", "--report", str(tmp_path / "report.json")
        )
    assert ended.code == 0, ended.out + ended.err
    assert [one["name"] for one in desk.world.faults.seen] == ["error", "drop-reply"]
    assert not holds(ended.out.encode() + ended.err.encode())
    assert [data for data in watch.seen if holds(data) or server in data] == []
    assert b"receive-pack" in b" ".join(watch.seen) or b"push" in b" ".join(watch.seen)
    assert leaks(tmp_path) == [str(desk.world.folder / "sandbox.json")]
    assert leaks(home) == []
    found = list(rows(home / "prefect.db"))
    assert [table for table, row in found if holds(row) or server in row] == []
    logged = b"\n".join(row for table, row in found if table == "log")
    assert b"the environment:" in logged
    assert b"the backend's environment:" in logged
