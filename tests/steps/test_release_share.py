"""Steps 8 and 10 where a workflow makes the GitHub release or uploads its assets: one party does each, and all is compared."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from clients import github_releases
from lockgate.errors import DeadlineError, RefusedError
from planning import checks, survey
from sandbox.faults import Fault
from sandbox.sample import write_sample
from tests.acts import attempt, configure
from tests.stages import ORDER, TAG, Stage

Make = Callable[[str], Stage]
FOLDER = ".github/workflows"
TO_EXPORT = ORDER[: ORDER.index("export")]
CREATE = 'gh release create "$TAG" dist/*'
BARE = 'gh release create "$TAG" --generate-notes'
ATTACH = 'gh release upload "$TAG" dist/*'


def job(command: str, *more: str) -> str:
    text = f"""
      announce:
        runs-on: ubuntu-latest
        permissions: {{contents: write}}
        steps:
          - run: {command}
    """
    lines = "".join(f"  {line}\n" for line in more)
    return textwrap.dedent(text).strip("\n").replace("  steps:", f"{lines}  steps:") + "\n"


def building(stage: Stage, tmp_path: Path, announce: str = "") -> None:
    """The publish workflow builds from the tag, with one more job in it."""
    sample = write_sample(tmp_path / "sample", upload="rebuild")
    text = (sample / FOLDER / "publish.yml").read_text() + textwrap.indent(announce, "  ")
    stage.sandbox.commit_to_main(f"{FOLDER}/publish.yml", text, "Build in the workflow")


def beside(stage: Stage, announce: str) -> None:
    """Another workflow that the tag starts, with this job."""
    text = f"name: Announce\non:\n  push:\n    tags: ['v*']\njobs:\n{textwrap.indent(announce, '  ')}"
    stage.sandbox.commit_to_main(f"{FOLDER}/announce.yml", text, "Announce releases")


def assert_public_with_the_built_files(stage: Stage) -> None:
    (release,) = stage.sandbox.releases
    built = {one.name: f"sha256:{one.sha256}" for one in stage.record().artifacts}
    assert not release["draft"]
    assert {one["name"]: one["digest"] for one in release["assets"]} == built


@pytest.mark.slow
def test_a_release_that_the_workflow_makes_is_left_to_it(at: Make, tmp_path: Path) -> None:
    stage = at("version")
    building(stage, tmp_path, job(CREATE))
    stage.go_on(TO_EXPORT)
    assert f"{FOLDER}/publish.yml makes the GitHub release and its assets" in attempt(stage, "export").evidence
    stage.sandbox.wait_idle(60)
    result = stage.go_on(["wait", "record"]).outcomes["record"]
    assert stage.changes("github POST") == 0
    assert "byte for byte" in result.evidence
    assert_public_with_the_built_files(stage)


@pytest.mark.slow
@pytest.mark.parametrize("command", [BARE, ATTACH, CREATE])
def test_another_workflow_does_its_part_and_step_10_the_rest(at: Make, tmp_path: Path, command: str) -> None:
    stage = at("version")
    building(stage, tmp_path)
    beside(stage, job(command))
    stage.go_on(TO_EXPORT)
    attempt(stage, "export")
    stage.sandbox.wait_idle(60)
    assert stage.changes("created draft release") == (command == ATTACH)
    assert stage.changes("uploaded asset") == 0
    stage.go_on(["wait", "record"])
    assert stage.changes("uploaded asset") == (2 if command == BARE else 0)
    assert_public_with_the_built_files(stage)


@pytest.mark.slow
def test_what_no_workflow_did_is_made_up_for(at: Make, tmp_path: Path) -> None:
    """The condition is known only to the run, and it is false."""
    stage = at("version")
    building(stage, tmp_path)
    beside(stage, job(CREATE, "if: github.run_attempt == '2'"))
    stage.go_on([*TO_EXPORT, "export", "wait"])
    assert stage.sandbox.releases == []
    attempt(stage, "record")
    assert_public_with_the_built_files(stage)


@pytest.mark.slow
def test_other_bytes_in_the_release_are_reported_or_refused(at: Make, tmp_path: Path) -> None:
    stage = at("version")
    building(stage, tmp_path, job(CREATE))
    stage.go_on(TO_EXPORT)
    stage.sandbox.faults.add(Fault("other-bytes", "github", "attach "))
    stage.go_on(["export", "wait"])
    configure(stage, 'rebuilt = "refuse"')
    with pytest.raises(
        RefusedError, match=r"The release .* has lockgate_sample-1\.1\.0.* as sha256 .*delete it on GitHub"
    ):
        attempt(stage, "record")
    stage.sandbox.commit_to_main("pyproject.toml", stage.git("show", "main~1:pyproject.toml") + "\n", "Report only")
    result = attempt(stage, "record")
    assert "the GitHub release has other files than the built ones" in result.evidence
    assert "| file | in the release |" in result.details


@pytest.mark.slow
def test_the_run_of_the_other_workflow_is_waited_for_before_anything_is_compared(at: Make, tmp_path: Path) -> None:
    stage = at("version")
    configure(stage, "publish-timeout = 1\nrun-timeout = 1")
    building(stage, tmp_path)
    beside(stage, job(ATTACH, "environment: docs"))
    stage.sandbox.set_environment("docs", reviewers=["example"])
    stage.go_on([*TO_EXPORT, "export"])
    stage.go_on(["wait"])
    with pytest.raises(DeadlineError, match=r"the run of \.github/workflows/announce\.yml for 'v1\.1\.0'"):
        attempt(stage, "record")
    assert [one["draft"] for one in stage.sandbox.releases] == [True]


def test_a_release_that_is_there_before_the_workflow_makes_it_is_refused(at: Make, tmp_path: Path) -> None:
    stage = at("version")
    building(stage, tmp_path, job(CREATE))
    release = stage.open()
    origin = survey.look_at_origin(release)
    assert checks.export(release, origin).says == (
        f"{FOLDER}/publish.yml makes the GitHub release and its assets; pushes {TAG}"
    )
    github_releases.create_draft(release.hub, TAG, origin.heads["main"], "By hand", "", prerelease=False)
    (problem,) = checks.export(release, origin).problems
    assert "There is a draft release of 'v1.1.0' already" in problem.seen


def test_two_makers_are_refused_before_anything_changes(at: Make, tmp_path: Path) -> None:
    stage = at("version")
    building(stage, tmp_path, job(CREATE))
    beside(stage, job(CREATE))
    release = stage.open()
    finding = checks.release_environment(release, survey.look_at_origin(release))
    assert ["each make the GitHub release" in problem.seen for problem in finding.problems] == [True]
