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
from flows.scheduled_release import scheduled_release
from flows.waiting_runs import GAVE_UP
from lockgate.approvals import Approval
from lockgate.continuation import RequestRefusedError, ThisRun
from lockgate.request import Request
from lockgate.schedules import Schedule
from planning import attempts, record
from planning.making import make_plan
from planning.opening import open_release
from sandbox.faults import Fault
from sandbox.sample import NAME, VersionSource, write_sample
from sandbox.world import Sandbox
from tasks.github_release import ensure_draft
from tests.acts import attempt
from tests.desk import Desk, git
from tests.flow_runs import Run, Runs
from tests.stages import ORDER, SLUG, TAG, TASKS, VERSION, Stage

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
def test_a_weekly_release_whose_question_expired_publishes_this_weeks_commit(runs: Runs, sandbox: Sandbox) -> None:
    flow_id = runs.client.create_flow_from_name("release")
    runs.client.create_deployment(flow_id, "weekly")
    schedule = Schedule((Request(sandbox.origin_url, "minor"),), deployment="release/weekly")

    def week() -> Run:
        assert scheduled_release(schedule, return_state=True).name == "Started"
        (made,) = [
            one for one in runs.client.read_flow_runs(limit=200)
            if sandbox.origin_url in str(one.parameters) and one.name != "scheduled-release" and one.state.is_scheduled()
        ]  # fmt: skip
        return Run(runs.client, release_flow, made.id, set()).begin()

    last = week()
    last.asks()
    last.ends()
    runs.client.set_flow_run_state(last.id, Failed(message=GAVE_UP[0]), force=True)
    sandbox.commit_to_main(MODULE, FIXED, "Round as it should be")
    this = week()
    waiting = this.asks()
    assert "begins anew from main: the last start ended because nobody answered a question in time" in waiting.brief
    waiting.answer(decision="approve", approver="grace", note="here")
    this.resumed().asks().answer(decision="approve", approver="grace")
    assert this.resumed().ends().name == "Released"
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


def test_a_tag_that_was_recorded_and_never_pushed_holds_no_fix_back(at: Make) -> None:
    """As after a kill between the record and the push: origin says whether the tag is out."""
    stage = at("export")
    release = stage.open()
    record.save(release, replace(record.kept(release), tag_pushed=True))
    fix(stage)
    attempt(stage, "version")
    kept = record.kept(stage.open())
    assert (kept.restarts, kept.tagged, kept.release_commit) == (1, False, "")


def test_once_the_tag_is_out_the_release_goes_on_whatever_was_pushed_or_said(at: Make) -> None:
    stage = at("wait")
    first = record.kept(stage.open()).release_commit
    note(stage, "cancelled")
    fix(stage)
    attempt(stage, "version")
    kept = record.kept(stage.open())
    assert (kept.restarts, kept.release_commit) == (0, first)


# A word means what it meant when it was said.

EARLY, LATE = "2020-01-01T00:00:00.5+00:00", "2099-01-01T00:00:00+00:00"


@pytest.mark.parametrize("home", ["home", "a second machine"])
def test_a_word_started_again_after_the_end_of_its_release_releases_nothing_more(at: Make, home: str) -> None:
    """As after a kill at the last instant; also where the store knows nothing of it."""
    stage = at("end")
    with pytest.raises(
        RequestRefusedError, match=r"nobody committed anything since v1\.1\.0.*`lockgate release 1\.2\.0`"
    ):
        attempt(stage, "version", home=home)
    stage.sandbox.commit_to_main("NEWS", "theirs\n", "Say something")
    assert attempt(stage, "version", home=home).outcome == "done"


def test_the_run_that_released_a_version_means_that_version_for_ever(at: Make) -> None:
    stage = at("end")
    known = stage.open()
    attempts.begin(known.store, known.slug, VERSION, "the run", "minor")
    again = open_release(stage.request(), stage.environ(), ThisRun("the run", EARLY))
    assert str(again.version) == VERSION
    assert "already done" in TASKS["export"].fn(again).outcome


@pytest.mark.parametrize(("asked", "refused"), [(EARLY, True), (LATE, False)])
def test_of_two_clicks_the_second_is_refused_and_names_what_came_between(at: Make, asked: str, refused: bool) -> None:
    stage = at("end")
    fix(stage)
    release = open_release(stage.request(), stage.environ(), ThisRun("the second click", asked))
    if refused:
        with pytest.raises(RequestRefusedError, match=r"another release: lockgate-sample 1\.1\.0 at 20"):
            TASKS["version"].fn(release)
    else:
        TASKS["version"].fn(release)


@pytest.mark.slow
def test_two_clicks_are_one_release(runs: Runs, sandbox: Sandbox) -> None:
    request = Request(sandbox.origin_url, "minor", requested_by="ada")
    first, second = (runs.begin(release_flow, deployed=True, request=request) for _ in range(2))
    waiting = first if first.ends().name == "Waiting for its turn" else second
    at_work = first if waiting is second else second
    at_work.asks().answer(decision="approve", approver="grace", note="here")
    at_work.resumed().asks().answer(decision="approve", approver="grace")
    assert at_work.resumed().ends().name == "Released"
    sandbox.commit_to_main(MODULE, FIXED, "Round as it should be")
    ended = waiting.begin().ends()
    assert ended.name == "Refused"
    assert "another release: lockgate-sample 1.1.0 at" in str(ended.message)


def test_a_version_that_is_named_though_nothing_is_new_is_a_warning(at: Make) -> None:
    plan = make_plan(at("end").open(version="1.2.0"))
    (warning,) = plan.findings[0].warnings
    assert "nobody committed anything since v1.1.0" in warning
    assert not plan.problems


# The version that the person has in front of them.

SOURCES = [
    ("VERSION file", "VERSION", "1.0.0", "4.0.0"),
    ("static", "pyproject.toml", 'version = "1.0.0"', 'version = "4.0.0"'),
    ("python file", "src/lockgate_sample/__init__.py", '"1.0.0"', '"4.0.0"'),
]


def edit(checkout: Path, path: str, old: str, new: str) -> None:
    text = (checkout / path).read_text()
    assert old in text
    (checkout / path).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("source", "path", "old", "new"),
    [pytest.param(*one, id=one[0], marks=[pytest.mark.slow] * (one[1] != "VERSION")) for one in SOURCES],
)
def test_the_edited_version_is_what_is_released(
    tmp_path: Path, machine: dict[str, str], source: VersionSource, path: str, old: str, new: str
) -> None:
    made = write_sample(tmp_path / "source", version_source=source, upload="release assets")
    with Sandbox.create(tmp_path / "sandbox", made, SLUG) as world:
        world.register_publisher(NAME, owner="example", repository=NAME, workflow="publish.yml", environment="pypi")
        git(tmp_path, machine, "clone", "--quiet", world.origin_url, "checkout")
        desk = Desk(world, tmp_path / "checkout", machine | world.environment)
        edit(desk.checkout, path, old, new)
        plan = desk.run("plan", "--json")
        assert plan.data["version"] == "4.0.0", plan.err
        assert f"commits and pushes {path}" in plan.data["findings"][0]["says"]
        older = desk.run("plan", "minor", "--json")
        assert older.code == 1
        assert "1.1.0 is older than the repository's own version 4.0.0" in str(older.data["refusals"])


@pytest.mark.slow
def test_an_edited_version_is_not_pushed_behind_the_back_of_a_release_that_is_out(desk_with_prefect: Desk) -> None:
    desk = desk_with_prefect
    assert desk.run("release", "minor", "--yes", "--tested", "here").code == 0
    edit(desk.checkout, "VERSION", "1.1.0", "4.0.0")
    before = desk.seen()
    again = desk.run("release", "1.1.0", "--yes", "--tested", "here", "--json")
    assert again.code == 0, again.err
    assert desk.seen() == before, "the edit is left as it is"
    ended = desk.run("release", "--yes", "--tested", "here", "--json")
    assert (ended.code, ended.data["version"]) == (0, "4.0.0"), ended.err
    assert published(desk.world.folder, "4.0.0")


@pytest.mark.slow
def test_an_edit_of_the_version_elsewhere_than_in_its_source_is_refused(
    tmp_path: Path, machine: dict[str, str]
) -> None:
    made = write_sample(tmp_path / "source", upload="release assets")
    (made / "src/lockgate_sample/__init__.py").write_text('"""Days."""\n\n__version__ = "1.0.0"\n')
    git(made, machine, "commit", "--quiet", "--all", "-m", "Say the version twice")
    with Sandbox.create(tmp_path / "sandbox", made, SLUG) as world:
        git(tmp_path, machine, "clone", "--quiet", world.origin_url, "checkout")
        desk = Desk(world, tmp_path / "checkout", machine | world.environment)
        edit(desk.checkout, "src/lockgate_sample/__init__.py", '"1.0.0"', '"4.0.0"')
        seen = str(desk.run("plan", "minor", "--json").data["refusals"])
        assert "src/lockgate_sample/__init__.py was edited to say 4.0.0, and VERSION says 1.0.0" in seen
        edit(desk.checkout, "src/lockgate_sample/__init__.py", '"4.0.0"', '"1.1.0"\nimport os')
        seen = str(desk.run("plan", "minor", "--json").data["refusals"])
        assert "1 changed or untracked files" in seen, (
            "more than its version was edited: nobody is asked before a commit"
        )


# What is not in the release is said.


def test_later_questions_list_what_came_to_main_meanwhile(at: Make) -> None:
    stage = at("tests")
    fix(stage)
    stage.sandbox.commit_to_main("NEWS", "theirs\n", "# Already approved by `grace` <img src=x>\u202e")
    for key in ("tests", "publisher"):
        question = attempt(stage, key).question
        assert question is not None
        assert "Not in this release: 2 commits:" in question.brief
        assert "`Round as it should be`" in question.brief
        assert "\n# Already" not in question.brief
        assert "\u202e" not in question.brief
        before = question.fingerprint
        assert attempt(stage, key).question.fingerprint == before
        stage.go_on([key])


def test_a_decline_begins_the_release_anew_once_and_stays_in_the_record(at: Make) -> None:
    stage = at("tests")
    release = stage.open()
    no = Approval("migrations", "decline", "grace", "squash them `first`", "2026-11-22T20:00:00Z", "0" * 64, "form")
    record.save(release, record.kept(release).approved(no))
    for _ in range(2):
        attempt(stage, "version")
        kept = record.kept(stage.open())
        assert (kept.restarts, kept.approvals) == (1, (no,))
    assert "`grace` declined 'Freeze, squash and approve migrations' (`squash them 'first'`)" in kept.notes[0].what
