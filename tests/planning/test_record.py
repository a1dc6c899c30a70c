"""Which release a start continues, when it is asked for by a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from clients.store import Store
from lockgate.fixture import Fixture, StepTime, to_json
from planning.record import newest_unfinished
from tests.sealing import SEALS

SLUG = "example/project"
OURS, THEIRS = "a" * 40, "b" * 40
BEGUN, COMPLETE = ("version",), ("version", "logs")


def fixture(version: str, finished: tuple[str, ...], requested: str = "minor") -> Fixture:
    steps = tuple(StepTime(key, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z") for key in finished)
    return Fixture(
        "project", version, SLUG, "main", f"v{version}", "lockgate 1", requested, release_commit=OURS, steps=steps
    )


@pytest.mark.parametrize(
    ("kept", "finished", "there", "tagged", "continued"),
    [
        pytest.param({}, (), {}, (), None, id="nothing was begun"),
        pytest.param({"1.1.0": BEGUN}, (), {}, (), "1.1.0", id="begun here"),
        pytest.param({"1.1.0": COMPLETE}, (), {"1.1.0": BEGUN}, ("1.1.0",), "1.1.0", id="its last commit is not out"),
        pytest.param({"1.1.0": COMPLETE}, (), {"1.1.0": COMPLETE}, ("1.1.0",), "1.1.0", id="its last step did not end"),
        pytest.param({"1.1.0": COMPLETE}, ("1.1.0",), {"1.1.0": COMPLETE}, ("1.1.0",), None, id="over"),
        pytest.param({}, (), {"1.1.0": BEGUN}, (), "1.1.0", id="known to origin only"),
        pytest.param({}, (), {"1.1.0": BEGUN}, ("1.1.0",), "1.1.0", id="tagged, known to origin only"),
        pytest.param({}, (), {"1.1.0": COMPLETE}, ("1.1.0",), None, id="over, known to origin only"),
        pytest.param({"1.1.0": BEGUN}, (), {"1.1.0": COMPLETE}, ("1.1.0",), None, id="another machine ended it"),
        pytest.param({"1.1.0": BEGUN}, (), {}, ("1.2.0",), None, id="left behind"),
        pytest.param({"1.1.0": BEGUN, "1.2.0": BEGUN}, (), {}, (), "1.2.0", id="the newest of two"),
    ],
)
def test_the_unfinished_release_is_continued(
    tmp_path: Path, kept: dict[str, tuple[str, ...]], finished: tuple[str, ...], there: dict[str, tuple[str, ...]],
    tagged: tuple[str, ...], continued: str | None,
) -> None:  # fmt: skip
    store = Store(str(tmp_path), SEALS)
    for version, steps in kept.items():
        store.write_record(f"releases/{SLUG}/{version}.json", to_json(fixture(version, steps)))
    for version in finished:
        store.write_record(f"finished/{SLUG}/{version}", "2026-01-01T00:00:02Z")
    on_origin = [fixture(version, steps) for version, steps in there.items()]
    commits = {Version(one): OURS for one in ("1.0.0", *tagged)}
    found = newest_unfinished(store, SLUG, "minor", commits, on_origin)
    assert found == (Version(continued) if continued else None)


def test_other_words_ask_for_another_release(tmp_path: Path) -> None:
    on_origin = [fixture("1.1.0", BEGUN, requested="patch")]
    assert newest_unfinished(Store(str(tmp_path), SEALS), SLUG, "minor", {}, on_origin) is None


def test_version_that_somebody_else_released_is_not_continued(tmp_path: Path) -> None:
    """Otherwise the same word would mean that taken version for ever, and every scheduled release refuse."""
    store = Store(str(tmp_path), SEALS)
    store.write_record(f"releases/{SLUG}/1.1.0.json", to_json(fixture("1.1.0", BEGUN)))
    assert newest_unfinished(store, SLUG, "minor", {Version("1.1.0"): THEIRS}, []) is None
    assert newest_unfinished(store, SLUG, "minor", {Version("1.1.0"): OURS}, []) == Version("1.1.0")
