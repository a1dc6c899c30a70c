"""Step 5: what counts as evidence that the tests passed on the release commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lockgate.errors import NotVisibleError, RefusedError, SettingsError
from lockgate.fixture import TestEvidence
from planning import checks, record, survey
from sandbox.sample import NAME
from tests.acts import attempt, configure, replace_in
from tests.stages import ORDER, VERSION, Stage

Make = Callable[[str], Stage]
CI = """name: CI
on:
  push:
    branches: [main]
jobs:
  tests:
    runs-on: ubuntu-latest
    steps:
      - run: pytest --all
"""


def evidence(stage: Stage) -> TestEvidence:
    found = record.kept(stage.open()).tests
    assert found is not None
    return found


def test_the_command_runs_in_a_clean_export_and_its_output_is_kept(at: Make, caplog: pytest.LogCaptureFixture) -> None:
    stage = at("tests")
    (stage.open().workspace / "left-over.txt").write_text("not committed")
    look = "import os; print(sorted(os.listdir()), os.environ.get('GH_TOKEN'))"
    configure(stage, f"test-command = ['python', '-c', {look!r}]")
    with caplog.at_level("INFO"):
        attempt(stage, "tests")
    found = evidence(stage)
    assert (found.how, found.exit_code, found.commit) == ("command", 0, record.kept(stage.open()).release_commit)
    assert found.seconds is not None
    kept = stage.folder / "tests.log"
    stage.open().store.fetch(found.log_sha256, kept)
    listed = kept.read_text().strip()
    assert "'VERSION'" in listed
    assert "left-over.txt" not in listed
    assert "'.git'" not in listed
    assert listed.endswith("None")
    assert listed in caplog.messages


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ("""test-command = ["python", "-c", "print('2 failed'); raise SystemExit(3)"]""", r"(?s)exit code 3.*2 failed"),
        ("""test-command = ["sleep", "60"]\ntest-timeout = 0.5""", r"did not end within"),
    ],
)
def test_a_command_that_fails_or_does_not_end_is_refused(at: Make, settings: str, seen: str) -> None:
    stage = at("tests")
    configure(stage, settings)
    with pytest.raises(RefusedError, match=seen):
        attempt(stage, "tests")
    assert not evidence(stage).passed


@pytest.mark.slow
def test_after_tests_that_failed_what_was_pushed_since_is_released(at: Make) -> None:
    """The commit that failed is given up; without new commits it is tested again, and nothing is made twice."""
    stage = at("tests")
    configure(stage, "test-command = ['python', '-c', 'raise SystemExit(3)']")
    for _ in range(2):
        with pytest.raises(RefusedError, match="the tests failed"):
            attempt(stage, "tests")
    failed = evidence(stage).commit
    replace_in(stage, "pyproject.toml", "SystemExit(3)", "SystemExit(0)")
    for key in ("version", "migrations", "pre-release", "artifacts", "tests"):
        attempt(stage, key)
    kept = record.kept(stage.open())
    assert (kept.restarts, kept.tests is not None and kept.tests.passed) == (1, True)
    assert kept.release_commit != failed
    assert [one.release_commit for one in record.earlier(stage.open())] == [failed]


def test_evidence_against_the_commit_is_none_for_it_when_the_command_is_gone(at: Make) -> None:
    stage = at("tests")
    configure(stage, "test-command = ['python', '-c', 'raise SystemExit(3)']")
    with pytest.raises(RefusedError, match="the tests failed"):
        attempt(stage, "tests")
    replace_in(stage, "pyproject.toml", "test-command = ['python', '-c', 'raise SystemExit(3)']", "")
    assert attempt(stage, "tests").outcome == "done"


def test_a_persons_evidence_is_kept_with_the_name(at: Make) -> None:
    stage = at("publisher")
    found = evidence(stage)
    assert (found.how, found.by, found.commit) == ("evidence", "Ada", record.kept(stage.open()).release_commit)


def test_a_release_that_nobody_looks_at_needs_evidence_before_anything_changes(at: Make) -> None:
    """Without a test command, `--yes` alone would record tests that nobody ran."""
    release = at("version").open()
    origin = survey.look_at_origin(release)
    assert checks.tests(release, origin).problems == ()
    release.request = replace(release.request, tested=" ")
    (problem,) = checks.tests(release, origin).problems
    assert "nothing says where the tests ran" in problem.seen
    assert "add --tested LINK" in problem.next
    release.request = replace(release.request, approve_all=False)
    assert checks.tests(release, origin).problems == ()


def test_a_started_release_keeps_its_evidence(at: Make) -> None:
    release = at("publisher").open()
    release.request = replace(release.request, tested="")
    assert checks.tests(release, survey.look_at_origin(release)).problems == ()


def test_evidence_for_another_commit_does_not_count(at: Make) -> None:
    stage = at("tests")
    configure(stage, """test-command = ["python", "-c", "print('again')"]""")
    release = stage.open()
    other = TestEvidence("b" * 40, "command", "pytest", 0, 1.0, "")
    record.save(release, replace(record.kept(release), tests=other))
    assert attempt(stage, "tests").outcome == "done"
    assert evidence(stage).commit == record.kept(release).release_commit


def test_the_tag_waits_for_evidence_of_its_commit(at: Make) -> None:
    stage = at("export")
    configure(stage, """test-checks = ["tests"]""")
    release = stage.open()
    record.save(release, replace(record.kept(release), tests=None))
    with pytest.raises(RefusedError, match="there is no test evidence for the release commit"):
        attempt(stage, "export")


def test_githubs_checks_of_the_release_commit_are_evidence(at: Make) -> None:
    """The release commit is pushed alone, so that its checks run: no commit comes after it that could cancel them."""
    stage = at("version")
    stage.sandbox.grant(checks="read")
    stage.sandbox.commit_to_main(".github/workflows/ci.yml", CI, "Test every push")
    configure(stage, """test-checks = ["tests"]""")
    stage.go_on(ORDER[: ORDER.index("publisher")])
    found, commit = evidence(stage), record.kept(stage.open()).release_commit
    assert (found.how, found.commit, found.by) == ("checks", commit, "GitHub")
    assert found.source.startswith("tests: http")
    assert [run["head_sha"] for run in stage.sandbox.runs if run["name"] == "CI"].count(commit) == 1
    assert stage.subjects()[-1] == f"Release {NAME} {VERSION}"
    before = stage.changes(".")
    assert attempt(stage, "artifacts").outcome == "already done"
    assert attempt(stage, "tests").outcome == "already done"
    assert stage.changes(".") == before


def test_a_check_of_another_commit_is_none_of_the_release_commit(at: Make) -> None:
    stage = at("tests")
    configure(stage, 'test-checks = ["tests"]\ntest-timeout = 1')
    stage.sandbox.grant(checks="read")
    stage.sandbox.add_check_run(stage.git("rev-parse", "main"), "tests")
    with pytest.raises(NotVisibleError, match=r"shows no finished tests for the release commit \w{12}"):
        attempt(stage, "tests")


def test_a_failed_check_is_refused(at: Make) -> None:
    stage = at("tests")
    configure(stage, 'test-checks = ["tests"]')
    stage.sandbox.grant(checks="read")
    stage.sandbox.add_check_run(record.kept(stage.open()).release_commit, "tests", "failure")
    with pytest.raises(RefusedError, match=r"the check 'tests' of the release commit \w{12} ended with failure"):
        attempt(stage, "tests")


def test_command_and_checks_together_are_refused(at: Make) -> None:
    stage = at("version")
    configure(stage, 'test-command = "pytest"\ntest-checks = ["tests"]')
    with pytest.raises(SettingsError, match="test-command and test-checks are both set"):
        stage.open()
