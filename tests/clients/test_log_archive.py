"""Log archives as GitHub makes them, and as nobody should."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from clients.log_archive import read_archive
from lockgate.errors import RefusedError, UnavailableError


def archive(folder: Path, members: Mapping[str, str]) -> Path:
    path = folder / "logs.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("members", "texts"),
    [
        ({"0_build.txt": "b\n", "1_publish.txt": "p\n"}, {"build": "b\n", "publish": "p\n"}),
        (
            {"publish/10_Upload.txt": "ten", "publish/2_Set up.txt": "two\n", "publish/1_x.txt": "one\n"},
            {"publish": "one\ntwo\nten\n"},
        ),
        ({"0_publish.txt": "whole", "publish/1_x.txt": "step"}, {"publish": "whole"}),
        ({"0_publish  pypi.txt": "whole", "publish pypi/1_x.txt": "step"}, {"publish  pypi": "whole"}),
        ({"\ufeff/0_x.bin": "ignored", "0_a.txt": "\ufeffa"}, {"a": "a"}),
        ({"../../0_evil.txt": "e"}, {"evil": "e"}),
        ({}, {}),
    ],
)
def test_texts_by_job(tmp_path: Path, members: dict[str, str], texts: dict[str, str]) -> None:
    path = archive(tmp_path, members)
    logs = read_archive(path, 1000)
    assert dict(logs.texts) == texts
    assert (logs.sha256, logs.size) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    assert [file.name for file in tmp_path.rglob("*")] == ["logs.zip"]


def test_what_unpacks_to_too_much_refuses(tmp_path: Path) -> None:
    path = archive(tmp_path, {"0_a.txt": "x" * 600, "1_b.txt": "x" * 600})
    with pytest.raises(RefusedError, match="more than 1000 bytes of text"):
        read_archive(path, 1000)


def test_too_many_files_refuse(tmp_path: Path) -> None:
    path = archive(tmp_path, {f"{number}_job.txt": "" for number in range(5001)})
    with pytest.raises(RefusedError, match="5001 files"):
        read_archive(path, 1000)


def test_a_cut_download_is_transient(tmp_path: Path) -> None:
    path = archive(tmp_path, {"0_a.txt": "x" * 600})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UnavailableError, match="download it again"):
        read_archive(path, 1000)


def test_damaged_bytes_are_transient(tmp_path: Path) -> None:
    path = archive(tmp_path, {"0_a.txt": "".join(map(str, range(500)))})
    data = bytearray(path.read_bytes())
    data[60:80] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(UnavailableError, match=r"logs\.zip cannot be read"):
        read_archive(path, 100_000)


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("0_a.txt", b"ok \xff\xfe")
    assert read_archive(path, 100).texts["a"] == "ok \ufffd\ufffd"
