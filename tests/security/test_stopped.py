"""What stopped, stopped: nothing that was declined, aborted, expired or interrupted is published later without the fix."""

from __future__ import annotations

import os
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Failed

from clients import github_releases
from flows.release_flow import release as release_flow
from flows.waiting_runs import GAVE_UP
from lockgate.continuation import RequestRefusedError
from lockgate.request import Request
from planning import attempts, record
from planning.making import make_plan
from planning.opening import open_release
from sandbox.faults import Fault
from sandbox.world import Sandbox
from tasks.github_release import ensure_draft
from tests.acts import attempt
from tests.desk import Desk
from tests.flow_runs import Runs
from tests.stages import ORDER, TAG, TASKS, VERSION, Stage

Make = Callable[[str], Stage]
FIXED = "ROUNDS = 'as it should'\n"
MODULE = "src/lockgate_sample/rounding.py"
DECLINE = (("Decision [", "decline\n"), ("Approver (", "ada\n"), ("Note", "rounds wrongly, fix it first\n"))
BEGINS = ORDER[:4]


@pytest.fixture
def runs(prefect_api: str) -> Iterator[Runs]:
    with get_client(sync_client=True) as client:
        yield Runs(client)


def published(folder: Path, version: str) -> dict[str, bytes]:
    """What the index's wheel of this version holds."""
    (wheel,) = (folder / "index").rglob(f"lockgate_sample-{version}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def has_fix(folder: Path, version: str) -> bool:
    return published(folder, version).get("lockgate_sample/rounding.py") == FIXED.encode()


def fix(stage: Stage) -> None:
    stage.sandbox.commit_to_main(MODULE, FIXED, "Round as it should be")


def push_fix(desk: Desk) -> None:
    desk.git("pull", "--quiet")
    desk.write(MODULE, FIXED)
    desk.push("Round as it should be")


def tagged_commit(folder: Path, tag: str) -> str:
    command = ["git", "-C", str(folder / "origin.git"), "rev-parse", f"{tag}^{{commit}}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def note(stage: Stage, how: str) -> None:
    """The release was at work as a run that ended like this."""
    release = stage.open()
    attempts.begin(release.store, release.slug, VERSION, "the run", "minor")
    attempts.end(release.store, release.slug, VERSION, "the run", how)


@pytest.mark.slow
def test_a_declined_release_is_published_with_the_fix_that_was_pushed_for_it(desk_with_prefect: Desk) -> None:
    desk = desk_with_prefect
    declined = desk.talk("release", "3.0.0", answers=DECLINE)
    assert declined.code == 1, declined.out
    push_fix(desk)
    plan = desk.run("plan", "3.0.0")
    assert "it begins anew from main: `ada` declined 'Complete test suite with --all flag'" in plan.out
    assert "rounds wrongly, fix it first" in plan.out
    ended = desk.run("release", "3.0.0", "--yes", "--tested", "here", "--json")
    assert ended.code == 0, ended.err
    assert "begins anew from main" in ended.err
    assert has_fix(desk.world.folder, "3.0.0")
    assert tagged_commit(desk.world.folder, "v3.0.0") == ended.data["commit"]
    names = desk.git("log", "-1", "--format=", "--name-only", ended.data["commit"], at=desk.world.folder / "origin.git")
    assert names.strip(), "main stated 3.0.0 already: the new release commit is not empty all the same"


@pytest.mark.slow
def test_an_interrupted_release_goes_on_until_somebody_pushes(desk_with_prefect: Desk) -> None:
    desk, stop = desk_with_prefect, (("Decision [", "\x03"),)
    assert desk.talk("release", "minor", answers=stop).code == 130
    first = desk.git("ls-remote", "origin", "main")
    assert desk.talk("release", "minor", answers=stop).code == 130
    assert desk.git("ls-remote", "origin", "main") == first, "the same command went on"
    push_fix(desk)
    ended = desk.run("release", "minor", "--yes", "--tested", "here", "--json")
    assert ended.code == 0, ended.err
    assert "1 commit that the release commit" in ended.err
    assert has_fix(desk.world.folder, "1.1.0")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["aborted", "expired"])
def test_a_run_that_waited_without_a_process_and_was_ended_there_is_not_gone_on_with(
    runs: Runs, sandbox: Sandbox, how: str
) -> None:
    """Nobody was there to note it: Prefect is asked what became of the run."""
    request = Request(sandbox.origin_url, "minor", requested_by="ada")
    run = runs.begin(release_flow, deployed=True, request=request)
    run.asks()
    run.ends()
    first = record.kept(open_release(request, os.environ)).release_commit
    state = Cancelled() if how == "aborted" else Failed(message=GAVE_UP[0])
    runs.client.set_flow_run_state(run.id, state, force=True)
    sandbox.commit_to_main(MODULE, FIXED, "Round as it should be")
    again = runs.begin(release_flow, request=replace(request, approve_all=True, tested="here", restart=False))
    name, report = again.report()
    assert name == "Released", report.refusals
    assert report.commit != first
    assert has_fix(sandbox.folder, "1.1.0")


@pytest.mark.slow
def test_a_run_that_was_aborted_and_retried_begins_anew_once(runs: Runs, sandbox: Sandbox) -> None:
    """The same run, taken up in the pages: its own end counts, and counts once."""
    request = Request(sandbox.origin_url, "minor", requested_by="ada")
    run = runs.begin(release_flow, deployed=True, request=request)
    run.asks()
    run.ends()
    runs.client.set_flow_run_state(run.id, Cancelled(), force=True)
    run.retry(force=True).asks().answer(decision="approve", approver="grace", note="here")
    kept = record.kept(open_release(request, os.environ))
    run.ends()
    run.begin().asks()
    after = record.kept(open_release(request, os.environ))
    assert (kept.restarts, after.restarts) == (1, 1)
    assert after.release_commit == kept.release_commit


@pytest.mark.parametrize("how", ["cancelled", "expired"])
@pytest.mark.slow
def test_without_new_commits_a_stopped_release_begins_anew_too(at: Make, how: str) -> None:
    stage = at("tests")
    first = record.kept(stage.open()).release_commit
    note(stage, how)
    stage.go_on(BEGINS)
    kept = record.kept(stage.open())
    assert (kept.restarts, kept.approvals) == (1, ())
    assert kept.release_commit != first
    assert [one.what.split(":")[0] for one in kept.notes] == ["begins anew from main"]


def test_a_release_that_was_refused_goes_on_without_new_commits(at: Make) -> None:
    stage = at("tests")
    first = record.kept(stage.open()).release_commit
    note(stage, "refused")
    attempt(stage, "version")
    kept = record.kept(stage.open())
    assert (kept.restarts, kept.release_commit) == (0, first)


def test_the_plan_says_what_begins_anew_and_why_and_changes_nothing(at: Make) -> None:
    stage = at("publisher")
    fix(stage)
    release = stage.open()
    before = record.kept(release)
    plan = make_plan(release)
    assert "it begins anew from main: main has 1 commit that the release commit" in plan.course
    assert "`Round as it should be`" in plan.course
    assert plan.release_commit == ""
    found = {one.step: one.says for one in plan.findings}
    assert found["artifacts"].startswith("builds sdist and wheel")
    assert record.kept(release) == before


def test_an_older_commit_is_gone_on_with_by_name_and_that_is_recorded(at: Make) -> None:
    stage = at("tests")
    fix(stage)
    first = record.kept(stage.open()).release_commit
    asked = replace(stage.request(), commit=first[:10])
    release = open_release(asked, stage.environ())
    plan = make_plan(release)
    assert "Somebody chose that although main has 1 commit" in plan.course
    assert "Not in this release: 1 commit" in plan.course
    TASKS["version"].fn(release)
    kept = record.kept(release)
    assert (kept.restarts, kept.release_commit) == (0, first)
    (noted,) = kept.notes
    assert (noted.by, first[:12] in noted.what) == ("Ada", True)


@pytest.mark.parametrize("commit", ["0" * 40, "main"])
def test_an_older_commit_that_is_another_one_is_refused(at: Make, commit: str) -> None:
    stage = at("tests")
    release = open_release(replace(stage.request(), commit=commit), stage.environ())
    with pytest.raises(RequestRefusedError, match="shall go on with the commit"):
        TASKS["version"].fn(release)


def test_a_draft_of_the_commit_that_is_given_up_is_deleted_and_no_other(at: Make) -> None:
    stage = at("export")
    work = stage.work("export")
    ensure_draft(work)
    hub, other = work.release.hub, "b" * 40
    github_releases.create_draft(hub, "v9.9.9", work.fixture.release_commit, "another", "", prerelease=False)
    github_releases.create_draft(hub, TAG, other, "somebody's", "", prerelease=False)
    fix(stage)
    result = attempt(stage, "version")
    assert "deleted http" in result.evidence
    left = {(one["tag_name"], one["target_commitish"]) for one in stage.sandbox.releases}
    assert left == {("v9.9.9", work.fixture.release_commit), (TAG, other)}


def test_a_draft_whose_deletion_was_cut_off_is_put_away_by_the_next_start(at: Make) -> None:
    stage = at("export")
    ensure_draft(stage.work("export"))
    fix(stage)
    stage.sandbox.faults.add(Fault("drop-reply", "github", "DELETE .*/releases/"))
    with pytest.raises(Exception, match="deleting the draft"):
        attempt(stage, "version")
    assert record.kept(stage.open()).restarts == 0
    attempt(stage, "version")
    assert (record.kept(stage.open()).restarts, stage.sandbox.releases) == (1, [])


def test_once_the_tag_is_out_the_release_goes_on_whatever_was_pushed_or_said(at: Make) -> None:
    stage = at("wait")
    first = record.kept(stage.open()).release_commit
    note(stage, "cancelled")
    fix(stage)
    attempt(stage, "version")
    kept = record.kept(stage.open())
    assert (kept.restarts, kept.release_commit) == (0, first)
