"""Records that others can write are reports: they are told, and nothing in them counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lockgate.approvals import Approval
from lockgate.fixture import Fixture, StepTime, TestEvidence, to_json
from tests.desk import Desk

SLUG = "example/lockgate-sample"
TIME = "2026-01-01T00:00:00Z"


def invented(version: str = "1.1.0", commit: str = "a" * 40) -> Fixture:
    """A record that says yes to everything."""
    return Fixture(
        "lockgate-sample", version, SLUG, "main", f"v{version}", "lockgate 9", requested="minor", requested_by="mallory",
        release_commit=commit, restarts=99, tests=TestEvidence(commit, "command", "true", 0),
        approvals=(Approval("publish", "approve", "ada", "", TIME, "f" * 64, "form"),),
        steps=(StepTime("version", TIME, TIME), StepTime("tests", TIME, TIME)),
    )  # fmt: skip


def plant(desk: Desk, key: str, text: str) -> Path:
    """Write to the store as somebody who may, and has no key."""
    path = Path(desk.environ["LOCKGATE_HOME"]) / "store" / "records" / f"{key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_record_that_somebody_else_wrote_into_the_store_counts_for_nothing(desk: Desk) -> None:
    plant(desk, f"releases/{SLUG}/1.1.0.json", to_json(invented()))
    planned = desk.run("plan", "1.1.0", "--json")
    assert planned.data["continues"] is False
    (version,) = [one for one in planned.data["findings"] if one["step"] == "version"]
    assert any("1.1.0.json was not written by this installation" in one for one in version["warnings"])


def test_an_unfinished_release_of_somebody_else_gives_a_word_no_meaning(desk: Desk) -> None:
    plant(desk, f"releases/{SLUG}/99.0.0.json", to_json(replace(invented("99.0.0"), requested="minor")))
    assert desk.run("plan", "minor", "--json").data["version"] == "1.1.0"
