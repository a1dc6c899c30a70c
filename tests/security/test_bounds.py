"""Answers and files without an end, too deep, too slow or too tightly packed: our own errors, in bounded memory and time."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import pytest

from clients import http
from lockgate.errors import LockgateError, RefusedError, UnavailableError
from tests.desk import COMMAND, Desk, Ended
from tests.hostile import Answer, bomb, dripping, dripping_body, endless, hostile, once

MEMORY_BYTES = 1536 * 1024 * 1024
LINKS = b'<a href="https://files.example/x-1.0.tar.gz">x' * 50_000
DEEP = b"[" * 200_000 + b"]" * 200_000


def bounded(desk: Desk, *words: str, **environ: str) -> Ended:
    """The real command, with no more address space than a small machine has."""
    done = subprocess.run(
        [*COMMAND, *words], cwd=desk.checkout, env=desk.environ | environ, capture_output=True, text=True, timeout=240,
        stdin=subprocess.DEVNULL, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)),
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(once(bomb(2, 2048), Content_Encoding="gzip, gzip"), 4, id="packed-twice"),
        pytest.param(endless, 1, id="endless"),
        pytest.param(once(DEEP), 4, id="deep"),
        pytest.param(once(LINKS, "text/html"), 4, id="links-in-links"),
        pytest.param(once(b"<p>" * 5_000_000, "text/html"), 4, id="tags", marks=pytest.mark.slow),
        pytest.param(once(bomb(1, 2048), Content_Encoding="gzip"), 1, id="packed-once", marks=pytest.mark.slow),
    ],
)
def test_an_index_that_means_harm_ends_a_plan_with_words(desk: Desk, answer: Answer, code: int) -> None:
    with hostile(answer) as index:
        ended = bounded(desk, "plan", "minor", LOCKGATE_INDEX_URL=f"{index.url}simple/")
    assert "Traceback" not in ended.out + ended.err, ended.err
    assert "seen" in ended.out, ended.out + ended.err
    assert ended.code == code


@pytest.mark.parametrize("answer", [dripping, dripping_body])
def test_an_answer_has_to_be_whole_in_time(answer: Answer) -> None:
    with hostile(answer) as server, http.client(server.url) as client:
        with pytest.raises(UnavailableError, match="did not come within"):
            http.send(client, "GET", "/x", what="asking", seconds=0.5)
        assert server.hung_up.wait(30)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (endless, RefusedError, "sent more than"),
        (once(bomb(1, 80), Content_Encoding="gzip"), RefusedError, "sent more than"),
        (once(bomb(2, 80), Content_Encoding="gzip, gzip"), UnavailableError, "coding"),
        (once(b"nothing packed", Content_Encoding="gzip"), UnavailableError, "coding"),
        (once(b"x", Content_Encoding="br"), UnavailableError, "coding"),
    ],
)
def test_an_answer_is_counted_after_decoding(answer: Answer, kind: type[LockgateError], words: str) -> None:
    with hostile(answer) as server, http.client(server.url) as client, pytest.raises(kind, match=words):
        http.send(client, "GET", "/x", what="asking")


def test_a_packed_answer_is_read(tmp_path: Path) -> None:
    with hostile(once(bomb(1, 1), Content_Encoding="gzip")) as server, http.client(server.url) as client:
        assert http.send(client, "GET", "/x", what="asking").content == b" " * 1024 * 1024
        got = http.download(client, "/x", tmp_path / "file", what="fetching", limit_bytes=2 * 1024 * 1024)
    assert got is not None
    assert got.size == 1024 * 1024


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        pytest.param("pyproject.toml", b"a = " + b"[" * 100_000, 2, id="deep-toml"),
        pytest.param("releases/0.9.0.json", b"\xff\xfe\x00", 0, id="fixture-that-is-no-text"),
        pytest.param(
            "releases/1.1.0.json", b"\xff\xfe\x00", 0, id="own-fixture-that-is-no-text", marks=pytest.mark.slow
        ),
        pytest.param("VERSION", b"\xff\xfe\x00", 1, id="version-that-is-no-text", marks=pytest.mark.slow),
        pytest.param("CHANGELOG.md", b"\xff\xfe\x00", 0, id="changelog-that-is-no-text", marks=pytest.mark.slow),
    ],
)
def test_a_file_that_means_harm_is_named(desk: Desk, name: str, content: bytes, code: int) -> None:
    path = desk.checkout / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    desk.push("Add a file")
    ended = bounded(desk, "plan", "minor")
    assert "Traceback" not in ended.out + ended.err, ended.err
    assert name in ended.out + ended.err
    assert ended.code == code, ended.out + ended.err
