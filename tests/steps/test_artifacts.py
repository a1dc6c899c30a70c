"""Step 4: what a build must be, what is shown of it, and what main may do meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lockgate.errors import RefusedError
from planning import record
from tests.acts import attempt, configure, publish_wheel, replace_in
from tests.stages import ORDER, Stage

Make = Callable[[str], Stage]
BEGIN = ORDER[: ORDER.index("artifacts")]
BROKEN_README = 'readme = { text = "Title\\n==\\n\\n:nothing:`x`\\n", content-type = "text/x-rst" }'
UNWANTED = '\ndependencies = ["days @ https://example.invalid/days-1.0-py3-none-any.whl"]\n'
WHEEL = '\n[tool.hatch.build.targets.wheel]\npackages = ["src/lockgate_sample", "tests"]\n'


def test_everything_that_must_not_be_published_is_told_at_once(at: Make) -> None:
    stage = at("version")
    replace_in(stage, "pyproject.toml", 'readme = "README.md"', BROKEN_README + UNWANTED)
    metadata = "\n[tool.hatch.metadata]\nallow-direct-references = true\n"
    replace_in(stage, "pyproject.toml", "[tool.hatch.version]", f"{WHEEL}{metadata}\n[tool.hatch.version]")
    stage.go_on(BEGIN)
    with pytest.raises(RefusedError) as refusal:
        attempt(stage, "artifacts")
    told = str(refusal.value)
    assert "days @ https://example.invalid" in told
    assert "installs the top-level packages tests for everyone" in told
    assert "render" in told
    assert record.kept(stage.open()).artifacts == ()
    assert not stage.changes("pushed")


def test_a_wheel_that_cannot_be_imported_is_refused(at: Make) -> None:
    stage = at("version")
    stage.sandbox.commit_to_main("src/lockgate_sample/__init__.py", "import not_there\n", "Break it")
    stage.go_on(BEGIN)
    with pytest.raises(RefusedError, match=r"(?s)lockgate_sample.*not_there"):
        attempt(stage, "artifacts")
    assert not stage.changes("pushed")


def test_build_requirements_are_recorded_with_their_versions(at: Make) -> None:
    (found,) = [one for one in at("tests").record().build_requirements if one.startswith("hatchling==")]
    assert found


@pytest.mark.parametrize("key", ["tests", "environment"])
def test_what_changed_since_the_last_release_is_in_the_brief(at: Make, key: str) -> None:
    stage = at(key)
    publish_wheel(stage, "1.0.0")
    replace_in(stage, "pyproject.toml", "[tool.hatch.version]", ALWAYS + "[tool.hatch.version]")
    question = attempt(stage, key).question
    assert question is not None
    assert "**What changed since lockgate_sample-1.0.0-py3-none-any.whl**" in question.brief
    assert "`lockgate_sample/weeks.py`" in question.brief


ALWAYS = '[tool.lockgate.checkpoints]\npublish = "always"\n\n'


def test_a_main_that_moved_before_the_push_makes_a_new_release_commit(at: Make) -> None:
    """The policy for every class of move before the push: refuse, and begin on top of what is there at the next start."""
    stage = at("artifacts")
    first = record.kept(stage.open()).release_commit
    theirs = stage.sandbox.commit_to_main("NEWS", "theirs\n", "Say something")
    with pytest.raises(RefusedError, match=r"moved to \w{12} since the release commit was made"):
        attempt(stage, "artifacts")
    stage.go_on(ORDER[: ORDER.index("tests")])
    made = stage.record().release_commit
    assert made != first
    assert stage.git("rev-parse", f"{made}^") == theirs


@pytest.mark.slow
def test_a_bill_of_materials_is_kept_with_its_digest_in_the_record(at: Make, tmp_path: Path) -> None:
    stage = at("version")
    configure(stage, "sbom = true")
    stage.go_on(["version", "migrations", "pre-release", "artifacts"])
    kept = record.kept(stage.open())
    stage.open().store.fetch(kept.sbom, tmp_path / "sbom.json")
    told = json.loads((tmp_path / "sbom.json").read_text())["metadata"]["component"]
    digests = {one["url"]: one["hashes"][0]["content"] for one in told["externalReferences"]}
    assert digests == {one.name: one.sha256 for one in kept.artifacts}
