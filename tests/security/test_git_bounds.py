"""An origin that means harm: git ends with whoever started it, and takes no more memory and time than it may."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.desk import ROOT, Desk
from tests.hostile import endless, head, hostile

REFS = b"001e# service=git-upload-pack\n0000"


def refs_without_end(client: socket.socket) -> None:
    """A list of refs that never ends, as a git server writes one."""
    client.sendall(head("application/x-git-upload-pack-advertisement") + REFS)
    line = b"003f" + b"a" * 40 + b" refs/heads/abcdefg\n"
    while True:
        client.sendall(line * 1000)


def silent(client: socket.socket) -> None:
    """A server that keeps the connection open, and says a byte now and then."""
    client.sendall(head("application/x-git-upload-pack-advertisement") + REFS)
    while not threading.Event().wait(0.2):
        client.sendall(b"0")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_git_ends_with_the_process_that_asked(number: signal.Signals, tmp_path: Path) -> None:
    asks = "import sys; from clients import git_remote; git_remote.observe_origin(sys.argv[1], None)"
    with hostile(silent) as origin:
        child = subprocess.Popen(
            [sys.executable, "-c", asks, f"{origin.url}x.git"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not origin.requests:
                assert child.poll() is None
            assert not origin.hung_up.is_set()
            child.send_signal(number)
            assert origin.hung_up.wait(30), "git still talks to the server"
        finally:
            child.kill()
            child.wait()


@pytest.mark.parametrize("answer", [refs_without_end, endless])
def test_an_origin_without_an_end_is_refused(desk: Desk, answer: object) -> None:
    with hostile(answer) as origin:  # type: ignore[arg-type]
        desk.environ["LOCKGATE_MIRRORS"] = origin.url
        ended = desk.run("plan", "minor", "--repository", f"{origin.url}o/n.git")
    assert ended.code == 1, ended.out + ended.err
    assert "Traceback" not in ended.err
    assert "(too much)" in ended.out
