"""What counts as evidence: the bytes that were approved, the place that they were approved for, and the rules of then."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flows.checkpoints import approve
from lockgate.approvals import Question
from lockgate.artifacts import Artifact
from lockgate.errors import DeclinedError, LockgateError, RefusedError
from planning import asking, record
from planning.release import Release, workspace_of
from tasks.work import Work
from tests.acts import attempt, configure
from tests.stages import TASKS, Stage, run_step

Make = Callable[[str], Stage]
SLOW = pytest.mark.slow


def exchange(stage: Stage, folder: Path) -> tuple[Artifact, Artifact]:
    """Exchange the wheel in the store together with its digest in the record, as whoever can write to both does."""
    release = stage.open(version="1.1.0")
    kept = record.kept(release)
    (wheel,) = [one for one in kept.artifacts if one.kind == "wheel"]
    path = folder / wheel.name
    release.store.fetch(wheel.sha256, path)
    path.write_bytes(path.read_bytes() + b"implant")
    other = replace(wheel, sha256=release.store.put(path), size=path.stat().st_size)
    record.save(release, replace(kept, artifacts=tuple(other if one == wheel else one for one in kept.artifacts)))
    return wheel, other


@pytest.mark.parametrize("step", ["export", pytest.param("record", marks=SLOW)])
def test_an_artifact_exchanged_with_its_digest_after_the_approval_is_refused_naming_both(
    at: Make, tmp_path: Path, step: str
) -> None:
    stage = at(step)
    built, other = exchange(stage, tmp_path)
    with pytest.raises(RefusedError) as refusal:
        attempt(stage, step, "1.1.0")
    said = str(refusal.value)
    assert built.sha256 in said
    assert other.sha256 in said
    assert "the approval by Ada" in said
    assert not stage.changes("uploaded asset") or step == "record"


def test_an_approval_counts_nowhere_else(at: Make) -> None:
    """The same commit and bytes, in a fork, another project, on GitHub itself, or for another index: another fingerprint."""
    stage = at("export")
    release = stage.open(version="1.1.0")
    fixture = record.kept(release)

    def evidence() -> tuple[tuple[str, str], ...]:
        return tuple(asking.subject_of(release, fixture.release_commit, fixture.artifacts).evidence.items())

    seen = [evidence()]
    shutil.copytree(release.workspace, workspace_of(release.environ, "fork/lockgate-sample"), symlinks=True)
    release.slug = "fork/lockgate-sample"
    seen.append(evidence())
    release.slug = "Example/Lockgate-Sample"
    assert evidence() == seen[0], "the same repository, written in another case"
    release.settings = replace(release.settings, project="another")
    seen.append(evidence())
    release.environ = {**release.environ, "LOCKGATE_INDEX_URL": "https://other.test/simple/"}
    seen.append(evidence())
    release.environ = {**release.environ, "GITHUB_SERVER_URL": "https://github.com"}
    seen.append(evidence())
    assert len(set(seen)) == len(seen)
    assert {"project", "repository", "index", "commit", "settings"} <= dict(seen[0]).keys()
    assert {one.sha256 for one in fixture.artifacts} <= set(dict(seen[0]).values())


STRICT = 'test-command = "python -m unittest"\napprovers = ["Grace"]'
"""Rules that a release was made under before somebody loosened them."""


def loosen(stage: Stage) -> None:
    """The previous release was made under strict rules; a merge takes them away."""
    configure(stage, STRICT)
    head = stage.git("rev-parse", "main")
    stage.git("tag", "--force", "-a", "v1.0.1", "-m", "Release", head)
    configure(stage, 'test-command = "true"\ncheckpoints = { publisher = "never" }')


def test_loosened_rules_are_told_and_need_the_old_rules_people(at: Make) -> None:
    stage = at("version")
    loosen(stage)
    release = stage.open(version="1.1.0")
    with pytest.raises(RefusedError, match=r"approvers = Grace.*release without --yes"):
        run_step(release, "version")
    release.request = replace(release.request, approve_all=False)
    for key in ("version", "migrations", "pre-release", "artifacts", "tests", "publisher"):
        run_step(release, key)
    question = attempt_environment(release)
    assert "The rules are laxer than those of the previous release" in question.brief
    for words in ("anybody may approve, and before only Grace", "true in place of python -m unittest"):
        assert words in question.evidence["loosened"]
    release.request = replace(release.request, approve_all=True)
    with pytest.raises(DeclinedError, match="approvers = Grace"):
        approve(release, question)


def attempt_environment(release: Release) -> Question:
    question = TASKS["environment"].fn(release).question
    assert question is not None
    return question


@pytest.mark.parametrize("laxer", ["rebuilt = 'report'", pytest.param("attestations = 'report'", marks=SLOW)])
def test_a_rule_loosened_while_a_release_is_under_way_changes_nothing_for_it(at: Make, laxer: str) -> None:
    stage = at("version")
    strict = laxer.replace("'report'", "'refuse'" if "rebuilt" in laxer else "'require'")
    configure(stage, strict)
    release = stage.open(version="1.1.0")
    for key in ("version", "migrations", "pre-release", "artifacts"):
        run_step(release, key)
    configure(stage, laxer)
    settings = Work(stage.open(version="1.1.0"), "tests").release.settings
    assert strict in {f"rebuilt = '{settings.rebuilt}'", f"attestations = '{settings.attestations}'"}


def test_a_stricter_rule_counts_for_a_release_under_way(at: Make) -> None:
    stage = at("export")
    configure(stage, "checkpoints = { publish = 'always' }")
    with pytest.raises(RefusedError, match="'Export artifacts and push release tag' has 0 valid approvals"):
        attempt(stage, "export", "1.1.0")


def test_a_decline_counts_until_somebody_says_otherwise_also_for_yes(at: Make) -> None:
    stage = at("publisher")
    release = stage.open(version="1.1.0")
    question = attempt(stage, "publisher", "1.1.0").question
    assert question is not None
    fixture = record.kept(release)
    no = replace(
        fixture.approvals[-1], checkpoint="publisher", decision="decline", approver="Bob", note="wrong workflow",
        fingerprint=question.fingerprint, evidence=question.evidence,
    )  # fmt: skip
    record.save(release, fixture.approved(no))
    with pytest.raises(LockgateError, match=r"Bob declined .*\(wrong workflow\)"):
        approve(release, question)
