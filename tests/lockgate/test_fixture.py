"""The release fixture: its text, its schema, and which of two records counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import lockgate
from lockgate.approvals import Approval
from lockgate.artifacts import Artifact
from lockgate.errors import RefusedError
from lockgate.fixture import (
    Claims,
    Fixture,
    Note,
    PublishLog,
    TestEvidence,
    WorkflowRun,
    from_json,
    is_complete,
    is_same_release,
    more_advanced,
    named_version,
    restarted,
    to_json,
)

COMMIT, OTHER = "a" * 40, "b" * 40
DIGEST = "c" * 64
NEW = Fixture("sample", "1.0.1", "example/sample", "main", "v1.0.1", "lockgate 0.1.0")
FULL = replace(
    NEW,
    release_commit=COMMIT,
    artifacts=(Artifact("sample-1.0.1.tar.gz", DIGEST, 12, "sdist"),),
    tests=TestEvidence(COMMIT, "command", "pytest", 0, 1.5, DIGEST),
    publisher=Claims("example", "sample", "publish.yml", "pypi", "refs/tags/v1.0.1"),
    workflow_run=WorkflowRun(1, 1, "http://example.invalid/1", "push", "success"),
    log=PublishLog(DIGEST, 3, ("Uploading sample",)),
    approvals=(Approval("tests", "approve", "ann", "", "2026-11-22T20:00:00Z", DIGEST, "form"),),
    tag_pushed=True,
).started("version", "2026-11-22T20:00:00Z").ended("version", "2026-11-22T20:00:01Z")  # fmt: skip


TIME = "2026-11-22T20:00:02Z"


@pytest.mark.parametrize(
    "fixture", [NEW, FULL, NEW.noted(Note(TIME, "ann", "begins anew from main: that was asked for"))]
)
def test_text_fits_the_schema_and_reads_back(fixture: Fixture) -> None:
    schema = json.loads((Path(lockgate.__file__).parent / "fixture.schema.json").read_text())
    jsonschema.validate(json.loads(to_json(fixture)), schema)
    assert from_json(to_json(fixture)) == fixture


def test_schema_names_every_field() -> None:
    schema = json.loads((Path(lockgate.__file__).parent / "fixture.schema.json").read_text())
    assert list(schema["properties"]) == list(json.loads(to_json(NEW)))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("nothing", "Expecting value"),
        ("[]", "'list'|list indices|pop"),
        ('{"schema": 3}', "its schema is not 2"),
        (to_json(NEW).replace('"tag"', '"label"'), "label"),
        ('{"schema": 2}', "log"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, seen: str) -> None:
    with pytest.raises(RefusedError, match=rf"cannot be read: .*({seen})"):
        from_json(text)


def test_a_record_of_the_schema_before_is_still_read() -> None:
    data = json.loads(to_json(FULL))
    del data["proof"]
    assert from_json(json.dumps(data | {"schema": 1, "base_version": "1.0.0"})) == FULL


@pytest.mark.parametrize(
    ("path", "pattern", "version"),
    [
        ("releases/1.0.json", "releases/{version}.json", "1.0"),
        ("releases/a/1.0.json", "releases/{version}.json", ""),
        ("releases/1.0xjson", "releases/{version}.json", ""),
        ("release.json", "release.json", ""),
    ],
)
def test_a_fixtures_path_names_its_version(path: str, pattern: str, version: str) -> None:
    assert named_version(path, pattern) == version


def test_first_start_and_first_end_stay() -> None:
    again = FULL.started("version", "2027-01-01T00:00:00Z").ended("version", "2027-01-01T00:00:00Z")
    assert again == FULL


def test_another_release_commit_drops_what_was_learned_of_the_first() -> None:
    other = FULL.for_commit(OTHER)
    assert (other.release_commit, other.artifacts, other.tests, other.log, other.tag_pushed) == (
        OTHER,
        (),
        None,
        None,
        False,
    )
    assert FULL.for_commit(COMMIT) is FULL


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(NEW, FULL, FULL), (FULL, NEW, FULL), (None, NEW, NEW), (NEW, None, NEW), (None, None, None)],
)
def test_the_record_that_knows_more_counts(
    one: Fixture | None, other: Fixture | None, expected: Fixture | None
) -> None:
    assert more_advanced(one, other) == expected


def test_a_restarted_record_outweighs_the_one_it_came_from() -> None:
    before = replace(FULL, tag_pushed=False)
    anew = restarted(before)
    assert more_advanced(before, anew) == anew
    assert (anew.release_commit, anew.artifacts, anew.steps, anew.restarts) == ("", (), (), 1)


def test_nothing_is_restarted_after_the_point_of_no_return() -> None:
    with pytest.raises(RefusedError, match=r"tag 'v1.0.1' of sample 1.0.1 is out.*without --restart"):
        restarted(FULL.started("export", TIME).ended("export", TIME))


@pytest.mark.parametrize(
    ("fixture", "tagged", "on_index", "ours"),
    [
        (None, None, {}, False),
        (NEW, None, {}, False),
        (FULL, None, {}, True),
        (FULL, COMMIT, {"sample-1.0.1.tar.gz": "d" * 64}, True),
        (FULL, OTHER, {"sample-1.0.1.tar.gz": DIGEST}, False),
        (FULL, None, {"sample-1.0.1.tar.gz": DIGEST}, True),
        (FULL, None, {"sample-1.0.1.tar.gz": "d" * 64}, False),
        (replace(FULL, artifacts=()), None, {"sample-1.0.1.tar.gz": DIGEST}, False),
    ],
)
def test_whose_release_it_is(fixture: Fixture | None, tagged: str | None, on_index: dict[str, str], ours: bool) -> None:
    assert is_same_release(fixture, tagged, on_index) is ours


def test_complete_means_the_last_step_was_finished() -> None:
    assert not is_complete(FULL)
    assert is_complete(FULL.started("logs", "2026-11-22T20:00:00Z").ended("logs", "2026-11-22T20:00:00Z"))
