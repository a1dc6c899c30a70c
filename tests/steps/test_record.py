"""Step 10: three verdicts told apart, and what is done after each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from clients import index
from lockgate.errors import NotVisibleError, RefusedError
from planning import checks, record
from sandbox.faults import Fault
from sandbox.sample import NAME, write_sample
from tasks.pypi import check_attestations
from tests.acts import attempt, configure
from tests.attested import FILE, REPOSITORY, fetch
from tests.stages import ORDER, Stage

Make = Callable[[str], Stage]
BEFORE = ORDER[: ORDER.index("export")]


def published(stage: Stage) -> bool:
    return not stage.sandbox.releases[0]["draft"]


def test_not_visible_yet_is_waited_for_and_then_said(at: Make) -> None:
    stage = at("export")
    configure(stage, "visibility-timeout = 1")
    stage.sandbox.faults.add(Fault("late", "index", options={"seconds": 1000}))
    stage.go_on(["export", "wait"])
    with pytest.raises(NotVisibleError, match=r"does not show lockgate_sample-1\.1\.0.*read the publish run's log"):
        attempt(stage, "record")
    assert not published(stage)


def test_a_run_that_uploaded_nothing_is_never_published(at: Make) -> None:
    stage = at("export")
    configure(stage, "visibility-timeout = 1")
    stage.sandbox.faults.add(Fault("skipped-publish", "github"))
    stage.go_on(["export", "wait"])
    with pytest.raises(NotVisibleError):
        attempt(stage, "record")
    assert not published(stage)


def test_wrong_bytes_are_refused(at: Make) -> None:
    stage = at("export")
    stage.sandbox.faults.add(Fault("other-bytes", "github"))
    stage.go_on(["export", "wait"])
    with pytest.raises(RefusedError, match=r"has lockgate_sample-1\.1\.0.*do not announce this release: yank it"):
        attempt(stage, "record")
    assert not published(stage)


def test_what_is_published_is_proved_installed_and_recorded(at: Make, caplog: pytest.LogCaptureFixture) -> None:
    stage = at("record")
    with caplog.at_level("INFO"):
        result = attempt(stage, "record")
    assert "byte for byte the built ones" in result.evidence
    assert "lockgate_sample-1.1.0-py3-none-any.whl installs from the index" in caplog.messages
    kept = stage.record()
    assert dict(kept.index_files) == {one.name: one.sha256 for one in kept.artifacts}
    assert set(kept.urls) == {"index", "release", "run"}
    assert published(stage)
    assert stage.subjects()[-1] == f"Release {NAME} 1.1.0", "what step 10 learned is committed by step 11"


@pytest.mark.slow
def test_a_workflow_that_builds_anew_is_reported_file_by_file_or_refused(at: Make, tmp_path: Path) -> None:
    stage = at("version")
    sample = write_sample(tmp_path / "sample", upload="rebuild")
    workflow = ".github/workflows/publish.yml"
    stage.sandbox.commit_to_main(workflow, (sample / workflow).read_text(), "Build in the workflow")
    stage.go_on(BEFORE)
    stage.sandbox.faults.add(Fault("other-bytes", "github"))
    stage.go_on(["export", "wait"])
    configure(stage, 'rebuilt = "refuse"')
    with pytest.raises(RefusedError, match=rf"has {NAME.replace('-', '_')}-1\.1\.0"):
        attempt(stage, "record")
    stage.sandbox.commit_to_main("pyproject.toml", stage.git("show", "main~1:pyproject.toml") + "\n", "Report only")
    result = attempt(stage, "record")
    assert "| other bytes |" in result.details
    assert "not all byte for byte" in result.evidence
    kept = record.kept(stage.open(version="1.1.0"))
    assert dict(kept.index_files) != {one.name: one.sha256 for one in kept.artifacts}


@pytest.fixture(scope="module")
def attested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fetch(tmp_path_factory.mktemp("attested"))


@pytest.mark.slow
def test_a_file_that_somebody_else_attested_is_refused(
    at: Make, attested: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index shows the built bytes, with an attestation of another repository's workflow."""
    stage = at("record")
    provenance = json.loads((attested / f"{FILE}.provenance").read_text())
    stage.sandbox.attest(NAME, "lockgate_sample-1.1.0-py3-none-any.whl", provenance)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RefusedError, match=rf"was made by 'release\.yml' of '{REPOSITORY}' instead of 'publish\.yml'"):
        attempt(stage, "record")
    assert not published(stage)


@pytest.mark.slow
def test_a_true_attestation_of_another_release_is_refused(
    at: Make, attested: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repository, workflow and signature are right; commit, tag and run are those of an earlier release."""
    stage = at("record")
    stage.sandbox.publish_file("pypi-attestations", attested / FILE)
    provenance = json.loads((attested / f"{FILE}.provenance").read_text())
    stage.sandbox.attest("pypi-attestations", FILE, provenance)
    monkeypatch.setenv("HOME", str(tmp_path))
    work = stage.work("record")
    workflow, _, _ = checks.find_workflow(work.release, work.origin)
    listed = index.observe_project(stage.sandbox.index_url, "pypi-attestations")
    assert listed is not None
    work.release.slug = REPOSITORY
    with pytest.raises(RefusedError) as refusal:
        check_attestations(work, replace(workflow, file="release.yml"), listed.files)
    claims = [problem.seen.partition(" was made for the ")[2].partition(" ")[0] for problem in refusal.value.problems]
    assert claims == ["commit", "ref", "run"]
