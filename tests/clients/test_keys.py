"""The installation's key file: made for its owner alone, refused when others may use it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clients.keys import make_key, read_keys
from lockgate.errors import SettingsError
from lockgate.seals import derive
from planning.release import keys_of, store_of


@pytest.fixture
def wide_open() -> Iterator[None]:
    """A person whose files everybody may read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("wide_open")
def test_a_key_is_made_on_first_use_for_its_owner_alone(tmp_path: Path) -> None:
    environ = {"LOCKGATE_HOME": str(tmp_path / "home")}
    made = keys_of(environ)
    path = tmp_path / "home" / "installation.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert [one.name for one in (tmp_path / "home").iterdir()] == ["installation.key"]
    assert keys_of(environ) == made


def test_of_several_who_make_the_key_at_once_all_use_the_same(tmp_path: Path) -> None:
    environ = {"LOCKGATE_HOME": str(tmp_path / "home")}
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: keys_of(environ).seeds, range(32)))
    assert len(found) == 1


def test_a_key_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    make_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    make_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(SettingsError, match=rf"others may use the key file .* \(mode {mode:04o}\).*chmod 600"):
        read_keys(tmp_path / "key")


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "secret", "0" * 63, "0" * 64 + "\n" + "Z" * 64, "G" * 64, "ä" * 64]
)
def test_what_holds_no_keys_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(SettingsError, match="holds something else than keys") as refusal:
        read_keys(tmp_path / "key")
    assert not text or text.strip() not in str(refusal.value)


def test_a_named_key_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    environ = {"LOCKGATE_HOME": str(tmp_path), "LOCKGATE_KEY_FILE": str(tmp_path / "mounted" / "key")}
    with pytest.raises(SettingsError, match=r"cannot be read: No such file.*copy the key file"):
        store_of(environ)
    assert list(tmp_path.iterdir()) == []


def test_the_first_key_is_in_use_and_the_others_verify(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"# rotated today\n{'1' * 64}\n\n{'2' * 64}\n")
    path.chmod(0o600)
    found = read_keys(path)
    assert found.seeds == (b"\x11" * 32, b"\x22" * 32)
    assert "11" not in repr(found)
    assert "\\x" not in repr(found.seals)


def test_keys_are_derived_as_rfc_5869_says() -> None:
    seed = bytes(range(32))
    expected = HKDF(SHA256(), 32, b"lockgate installation", b"records").derive(seed)
    assert derive(seed, "records") == expected != derive(seed, "statements")
