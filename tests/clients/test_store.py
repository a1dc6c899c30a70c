from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from clients.store import SETTLE_SECONDS, Store
from lockgate.errors import RefusedError, SettingsError, UnavailableError
from lockgate.seals import Seals
from tests.sealing import SEALS

CONTENT = b"the bytes that were tested"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["folder", "file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The same store as a plain folder, as a file URL and in fsspec's memory."""
    folder = tmp_path / "deep" / "store"
    urls = {"folder": str(folder), "file": f"file://{folder}", "memory": f"memory://{uuid4()}"}
    return Store(urls[request.param], SEALS)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "a-1.0-py3-none-any.whl"
    path.write_bytes(CONTENT)
    return path


def damage(store: Store, content: bytes) -> None:
    system, root = fsspec.url_to_fs(store.url)
    system.pipe_file(f"{root}/artifacts/{SHA256[:2]}/{SHA256}", content)


def test_bytes_come_back_as_they_were(store: Store, wheel: Path, tmp_path: Path) -> None:
    assert not store.has(SHA256)
    assert store.put(wheel) == SHA256
    assert store.has(SHA256)
    store.fetch(SHA256, tmp_path / "new" / "b.whl")
    assert (tmp_path / "new" / "b.whl").read_bytes() == CONTENT


def test_putting_twice_is_the_same(store: Store, wheel: Path) -> None:
    assert store.put(wheel) == store.put(wheel) == SHA256


def test_other_bytes_are_refused_and_left_alone(store: Store, wheel: Path) -> None:
    store.put(wheel)
    damage(store, b"other")
    with pytest.raises(RefusedError, match=r"a-1.0-py3-none-any.whl have the sha256 .* The store is damaged"):
        store.put(wheel)
    system, root = fsspec.url_to_fs(store.url)
    assert system.cat_file(f"{root}/artifacts/{SHA256[:2]}/{SHA256}") == b"other"


def test_damaged_bytes_are_never_handed_out(store: Store, wheel: Path, tmp_path: Path) -> None:
    store.put(wheel)
    damage(store, CONTENT[:-1])
    with pytest.raises(RefusedError, match=f"have the sha256 .* Expected: {SHA256}"):
        store.fetch(SHA256, tmp_path / "b.whl")
    assert not (tmp_path / "b.whl").exists()


def test_a_failed_fetch_keeps_the_old_file(store: Store, wheel: Path) -> None:
    store.put(wheel)
    damage(store, b"")
    with pytest.raises(RefusedError):
        store.fetch(SHA256, wheel)
    assert wheel.read_bytes() == CONTENT


def test_missing_bytes_are_refused_with_words(store: Store, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=f"the store has no bytes {SHA256} for b.whl"):
        store.fetch(SHA256, tmp_path / "b.whl")


@pytest.mark.parametrize("sha256", ["", "../../x", "A" * 64, SHA256 + "0", SHA256 + "\n"])
def test_what_is_no_digest_is_refused(store: Store, sha256: str) -> None:
    with pytest.raises(RefusedError, match="is not a sha256"):
        store.has(sha256)


def test_records_are_replaced_and_missing_ones_are_a_value(store: Store) -> None:
    assert store.read_record("octo/demo/1.0") is None
    store.write_record("octo/demo/1.0", '{"a": 1}')
    store.write_record("octo/demo/1.0", '{"ä": 2}')
    assert store.read_record("octo/demo/1.0") == '{"ä": 2}'


def test_record_keys_are_listed_by_prefix(store: Store) -> None:
    assert store.record_keys() == ()
    for key in ("demo", "demo/1.0", "demo/1.1", "other/1.0"):
        store.write_record(key, "{}")
    assert store.record_keys("demo/") == ("demo/1.0", "demo/1.1")
    assert store.record_keys("demo") == ("demo", "demo/1.0", "demo/1.1")
    assert len(store.record_keys()) == 4


def write_sealed(store: Store, key: str, sealed: str) -> None:
    """Write what somebody else would who may write to the store."""
    system, root = fsspec.url_to_fs(store.url)
    system.makedirs(f"{root}/records/{key}".rpartition("/")[0], exist_ok=True)
    system.pipe_file(f"{root}/records/{key}.json", sealed.encode())


@pytest.mark.parametrize(
    "sealed",
    [
        pytest.param("{}", id="unsealed, as an older Lockgate wrote it"),
        pytest.param(Seals.of((b"x" * 32,)).seal("releases/a", "{}"), id="sealed by another installation"),
        pytest.param(SEALS.seal("releases/b", "{}"), id="sealed under another key"),
        pytest.param(SEALS.seal("releases/a", "{}") + " ", id="changed afterwards"),
        pytest.param("lockgate-sealed-1 \N{LATIN SMALL LETTER U WITH DIAERESIS}\n{}", id="no seal at all"),
        pytest.param("", id="empty"),
    ],
)
def test_what_this_installation_did_not_write_there_is_no_record(store: Store, sealed: str) -> None:
    write_sealed(store, "releases/a", sealed)
    assert store.read_record("releases/a") is None
    assert store.is_foreign("releases/a")
    assert store.swap_record("releases/a", None, "ours")
    assert (store.read_record("releases/a"), store.is_foreign("releases/a")) == ("ours", False)


def test_a_record_of_an_older_key_opens_until_the_key_is_taken_away(store: Store) -> None:
    store.write_record("a", "{}")
    rotated = Store(store.url, Seals.of((b"new" + bytes(29), bytes(32))))
    assert rotated.read_record("a") == "{}"
    rotated.write_record("a", "{}")
    assert Store(store.url, Seals.of((b"new" + bytes(29),))).read_record("a") == "{}"
    assert store.is_foreign("a")


def test_files_that_can_be_no_records_are_not_listed(store: Store) -> None:
    store.write_record("releases/a", "{}")
    write_sealed(store, "releases/.b", "{}")
    write_sealed(store, "releases/a b", "{}")
    assert store.record_keys() == ("releases/a",)


@pytest.mark.parametrize("key", ["", "/a", "a/", "../a", "a/../b", "a//b", ".hidden", "a b", "a\\b", "a\n"])
def test_unsafe_keys_are_refused(store: Store, key: str) -> None:
    with pytest.raises(RefusedError, match="cannot be a record's key"):
        store.write_record(key, "{}")


def test_a_reader_never_sees_half_a_record(tmp_path: Path) -> None:
    """While one writes long texts, every text that is read is whole."""
    store = Store(str(tmp_path), SEALS)
    texts = {"a" * 500_000, "b" * 500_000}
    store.write_record("k", "a" * 500_000)
    done = threading.Event()

    def write() -> None:
        for _ in range(10):
            for text in texts:
                store.write_record("k", text)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert store.read_record("k") in texts
    writer.join()


def test_nothing_but_whole_files_is_left_in_a_folder(tmp_path: Path, wheel: Path) -> None:
    store = Store(str(tmp_path / "s"), SEALS)
    store.put(wheel)
    store.write_record("a", "{}")
    assert sorted(path.name for path in (tmp_path / "s").rglob("*") if path.is_file()) == sorted([SHA256, "a.json"])


def test_an_unknown_scheme_is_a_setting_to_correct() -> None:
    with pytest.raises(SettingsError, match="The store 'nosuch://bucket' cannot be used"):
        Store("nosuch://user:secret@bucket", SEALS).has(SHA256)


def test_a_broken_store_is_unavailable(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="failed while writing the record a"):
        Store(str(tmp_path / "file"), SEALS).write_record("a", "{}")


class Unreachable(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no type information
    """A store whose server refuses every connection."""

    protocol = "unreachable"
    error: Exception

    def info(self, *_: object, **__: object) -> object:
        raise self.error

    cat_file = find = pipe_file = info


class EndpointConnectionError(Exception):
    """As botocore has them, which s3fs lets through: no OSError."""


@pytest.mark.parametrize(
    "error",
    [ConnectionRefusedError(111, "Connection refused"), EndpointConnectionError("Connection refused")],
    ids=["an OSError", "another error"],
)
@pytest.mark.parametrize("act", ["has", "put", "fetch", "read", "write", "list"])
def test_a_store_that_does_not_answer_is_never_taken_for_an_empty_one(act: str, wheel: Path, error: Exception) -> None:
    Unreachable.error = error
    fsspec.register_implementation("unreachable", Unreachable, clobber=True)
    store = Store("unreachable://bucket", SEALS)
    acts: dict[str, Callable[[], object]] = {
        "has": lambda: store.has(SHA256),
        "put": lambda: store.put(wheel),
        "fetch": lambda: store.fetch(SHA256, wheel),
        "read": lambda: store.read_record("a"),
        "write": lambda: store.write_record("a", "{}"),
        "list": store.record_keys,
    }
    with pytest.raises(UnavailableError, match="Connection refused"):
        acts[act]()


def replace_at_once(store: Store, texts: list[str]) -> list[bool]:
    """Whether each of several who replace a record at the same time is told that it did."""
    gate = threading.Barrier(len(texts))

    def replace(text: str) -> bool:
        gate.wait(10)
        return store.swap_record("turns/a", "old", text)

    with ThreadPoolExecutor(max_workers=len(texts)) as pool:
        return list(pool.map(replace, texts))


def test_of_several_who_replace_a_record_at_once_one_succeeds(store: Store) -> None:
    store.write_record("turns/a", "old")
    texts = [f"new {number}" for number in range(4)]
    done = replace_at_once(store, texts)
    assert done.count(True) == 1
    assert store.read_record("turns/a") == texts[done.index(True)]


class Slow(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no type information
    """A store whose server takes longer for some writes than for others."""

    protocol = "slow"

    def pipe_file(self, path: str, value: bytes, **more: object) -> None:
        time.sleep(SETTLE_SECONDS / 4 if value.endswith(b"late") else 0)
        super().pipe_file(path, value, **more)


def test_a_write_that_arrives_late_makes_no_two_winners() -> None:
    fsspec.register_implementation("slow", Slow, clobber=True)
    store = Store(f"slow://{uuid4()}", SEALS)
    store.write_record("turns/a", "old")
    assert replace_at_once(store, ["early", "late"]) == [False, True]
    assert store.read_record("turns/a") == "late"


def test_a_record_that_changed_meanwhile_is_not_replaced(store: Store) -> None:
    store.write_record("turns/a", "theirs")
    assert not store.swap_record("turns/a", None, "mine")
    assert not store.swap_record("turns/a", "old", "mine")
    assert store.read_record("turns/a") == "theirs"
    assert store.record_keys() == ("turns/a",)
