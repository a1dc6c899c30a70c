"""A release that is killed and started again ends as an undisturbed one: docs/crash-table.md, row by row."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import jsonschema
import pytest

from lockgate.fixture import is_complete
from lockgate.steps import CHART
from tests.crashes import CRASHES, DRAFTS, UPLOADS, Crash, table
from tests.killing import AtEvent, start
from tests.stages import ORDER, TAG, Stage, Stages

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "lockgate" / "fixture.schema.json").read_text())
ONCE = {
    "origin .* pushed refs/tags/": 1,
    DRAFTS: 1,
    UPLOADS: 2,
    "github PATCH .* published release": 1,
    "index POST .* published": 2,
}


@pytest.fixture(scope="module")
def undisturbed(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The same release, never killed."""
    return stages.copy("end", tmp_path_factory.mktemp("undisturbed") / "stage")


def assert_ended_as(stage: Stage, undisturbed: Stage, *others: str, undone: Mapping[str, int] | None = None) -> None:
    """The world holds what the undisturbed release left, once, and nothing else but `others`' commits.

    What was `undone` in between was done so many times more.
    """
    fixture = stage.fixture()
    built = {one.name: one.sha256 for one in fixture.artifacts}
    assert stage.git("tag", "--list").splitlines() == ["v1.0.0", TAG]
    assert stage.git("rev-parse", f"{TAG}^{{commit}}") == fixture.release_commit
    subjects = stage.subjects()
    for one in others:
        if one in subjects:
            subjects.remove(one)
    assert subjects == undisturbed.subjects()
    (published,) = [one for one in stage.sandbox.releases if one["tag_name"] == TAG]
    assert not published["draft"]
    assert {one["name"]: one["digest"] for one in published["assets"]} == {k: f"sha256:{v}" for k, v in built.items()}
    assert fixture.index_files == built
    assert Counter({pattern: stage.changes(pattern) for pattern in ONCE}) == Counter(ONCE) + Counter(undone or {})
    assert [one["conclusion"] for one in stage.sandbox.runs] == ["success"]
    assert_recorded(stage)
    assert list(stage.folder.glob("*/workspaces/.exports-*/*")) == []
    assert stage.sandbox.problems == []


def assert_recorded(stage: Stage) -> None:
    """The fixture is valid and complete, with every answer once, and the store holds the bytes that it names."""
    jsonschema.validate(stage.fixture_data(), SCHEMA)
    fixture = stage.fixture()
    assert is_complete(fixture)
    assert fixture.log is not None
    assert not fixture.log.gone
    assert [one.key for one in fixture.steps if one.finished] == list(ORDER[:-1])
    answers = Counter(one.fingerprint for one in fixture.approvals if one.decision == "approve")
    assert {one.checkpoint for one in fixture.approvals} >= {"tests", "publisher"}
    assert set(answers.values()) == {1}


@pytest.fixture
def crash(request: pytest.FixtureRequest) -> Crash:
    found: Crash = request.param
    return found


@pytest.fixture(scope="module")
def by_release(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """The same of a project whose workflow is started by a published release."""
    return Stages(tmp_path_factory.mktemp("by-release"), trigger="release")


@pytest.fixture
def stage(crash: Crash, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    folder = tmp_path / "stage"
    stages: Stages = request.getfixturevalue("by_release" if crash.by_release else "stages")
    if crash.prepare is None:
        made = stages.copy(crash.at, folder)
    else:
        made = stages.derive(f"{crash.at}-{getattr(crash.prepare, '__name__', '')}", crash.at, folder, crash.prepare)
    with made as started:
        yield started


ROWS = [pytest.param(one, id=one.name, marks=[] if one.quick else [pytest.mark.slow]) for one in CRASHES]


@pytest.mark.parametrize("crash", ROWS, indirect=True)
def test_a_killed_release_ends_as_an_undisturbed_one(crash: Crash, stage: Stage, undisturbed: Stage) -> None:
    repository = str(stage.folder / "checkout") if crash.has_checkout else ""
    before = crash.changes(stage)
    killed = start(stage, crash.point, repository=repository, rerun=crash.move == "rerun")
    assert killed.killed, killed
    assert crash.changes(stage) - before == crash.left
    ended = start(stage, repository=repository, rerun=crash.move == "rerun")
    assert ended.code == 0, ended.said
    assert ended.outcomes[crash.step] == crash.again
    assert_ended_as(stage, undisturbed, *crash.others, undone=crash.undone)


LOSSES = {
    "everything but the key": ["home/workspaces", "home/store"],
    "workspace and records": ["home/workspaces", "home/store/records"],
    "workspace": ["home/workspaces"],
}
LOST = [
    pytest.param(key, what, marks=[] if (key, what) in {("wait", "everything but the key")} else [pytest.mark.slow])
    for key in ORDER[1:]
    for what in LOSSES
    if key != "finish" or what == "workspace"  # origin's record is complete then: without ours, the release is over
]


@pytest.mark.parametrize(("key", "what"), LOST)
def test_what_is_lost_on_this_machine_is_found_on_origin(
    key: str, what: str, stages: Stages, tmp_path: Path, undisturbed: Stage
) -> None:
    with stages.copy(key, tmp_path / "stage") as stage:
        for folder in LOSSES[what]:
            shutil.rmtree(stage.folder / folder)
        ended = start(stage)
        assert ended.code == 0, ended.said
        assert_ended_as(stage, undisturbed)


@pytest.mark.parametrize(
    "key", [key if key == "export" else pytest.param(key, marks=pytest.mark.slow) for key in ORDER[1:]]
)
def test_another_machine_takes_over_with_the_same_bytes(
    key: str, stages: Stages, tmp_path: Path, undisturbed: Stage
) -> None:
    with stages.copy(key, tmp_path / "stage") as stage:
        kept = sorted(path.name for path in (stage.folder / "home/store/artifacts").rglob("[!.]*") if path.is_file())
        (stage.folder / "home/workspaces").rename(stage.folder / "switched-off")
        shared = {"LOCKGATE_STORE": "home/store", "LOCKGATE_KEY_FILE": "home/installation.key"}
        places = {name: str(stage.folder / place) for name, place in shared.items()}
        ended = start(stage, environ=stage.environ("other", **places))
        assert ended.code == 0, ended.said
        assert_ended_as(stage, undisturbed)
        if kept:
            assert ended.outcomes["artifacts"] == "already done"
            assert {one.sha256 for one in stage.fixture().artifacts} <= set(kept)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("offset", [0, 5, 9])
def test_a_release_killed_again_and_again_comes_through(
    offset: int, stages: Stages, tmp_path: Path, undisturbed: Stage
) -> None:
    with stages.copy(ORDER[0], tmp_path / "stage") as stage:
        for number in range(offset, 2000, 13):
            ended = start(stage, AtEvent(".", "before", skip=number))
            if not ended.killed:
                break
        assert ended.code == 0, ended.said
        assert_ended_as(stage, undisturbed)


def test_every_move_has_its_rows() -> None:
    moves = {(step.key, move) for step in CHART for move in step.moves}
    assert moves <= {(one.step, one.move) for one in CRASHES}
    # Killed in its first step a whole release follows, which takes as long as three others.
    assert {step.key for step in CHART if step.moves} - {"version"} <= {one.step for one in CRASHES if one.quick}


def test_the_documented_table_is_this_one() -> None:
    written = (ROOT / "docs" / "crash-table.md").read_text()
    assert written == table(), "write it anew: python -m tests.crashes > docs/crash-table.md"
