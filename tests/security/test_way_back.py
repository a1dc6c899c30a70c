"""A release that was stopped can be taken back, and its version released again: every step's undo, played on the whole product."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Collection
from typing import Any

import pytest

from lockgate.errors import RefusedError, UnavailableError
from lockgate.steps import step
from lockgate.undo import Item, items_of
from planning import checks, record, survey
from planning.making import make_plan
from planning.undoing import look_for_traces
from sandbox.faults import Fault
from tasks.undoing import look_back, take_back
from tests.acts import attempt, replace_in
from tests.desk import COMMAND, ROOT, Ended, talk
from tests.stages import FIXTURE, ORDER, TAG, TASKS, VERSION, Stage

Make = Callable[[str], Stage]
BEFORE_TAG = ORDER[: ORDER.index("export")]
LAST_WAIT_SECONDS = 60.0


def world(stage: Stage) -> dict[str, Any]:
    """What others see: the files on origin's main, tags, releases, and the index's files."""
    index = (stage.folder / "sandbox" / "index").rglob("*")
    return {
        "files": stage.git("rev-parse", "main^{tree}"),
        "tags": stage.git("tag", "--list"),
        "releases": [(one["tag_name"], one["draft"]) for one in stage.sandbox.releases],
        "index": sorted(path.name for path in index if path.name.endswith((".whl", ".tar.gz"))),
    }


def give_up(stage: Stage, *, without: Collection[str] = (), home: str = "home") -> dict[str, Item]:
    """Give the release up, saying yes to everything but these items; what became of each."""
    release = stage.open(home, VERSION)
    seen = look_back(release)
    wanted = {one.key for one in items_of(seen)} - set(without)
    return {one.key: one for one in take_back(release, seen, wanted, by="Ada", note="rounds wrongly")}


def abort(stage: Stage, *words: str) -> Ended:
    """The real command, without a terminal."""
    done = subprocess.run(
        [*COMMAND, "abort", VERSION, "--repository", stage.sandbox.origin_url, *words], cwd=stage.folder, text=True,
        env=stage.environ(PYTHONPATH=str(ROOT), LOCKGATE_USER="ada"), capture_output=True, stdin=subprocess.DEVNULL,
        timeout=240,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def abort_on_terminal(stage: Stage, *answers: tuple[str, str]) -> Ended:
    """The real command, with a person who answers."""
    environ = stage.environ(PYTHONPATH=str(ROOT), LOCKGATE_USER="ada")
    return talk([*COMMAND, "abort", VERSION, "--repository", stage.sandbox.origin_url], stage.folder, environ, answers)


def export_with_reviewer(stage: Stage) -> None:
    """Step 8, so that the publish run waits for a person on GitHub."""
    stage.sandbox.set_environment("pypi", reviewers=["grace"])
    attempt(stage, "export", VERSION)
    stage.sandbox.wait_idle(LAST_WAIT_SECONDS)
    assert [one["status"] for one in stage.sandbox.runs] == ["waiting"]


@pytest.mark.parametrize(
    "key", [one if one == "artifacts" else pytest.param(one, marks=pytest.mark.slow) for one in BEFORE_TAG]
)
def test_until_the_tag_the_undo_column_leaves_the_world_as_it_was(at: Make, key: str) -> None:
    """What the column of docs/dag.md says of each step up to the tag: afterwards others see what they saw before."""
    stage = at(ORDER[ORDER.index(key) + 1])
    untouched = stage.git("rev-parse", f"{record.kept(stage.open()).base_commit}^{{tree}}")
    items = give_up(stage)
    assert all(one.state == "done" for one in items.values() if one.does), items
    after = world(stage)
    assert (after["files"], after["tags"], after["releases"]) == (untouched, "v1.0.0", []), step(key).undo
    assert after["index"] == []
    assert not look_for_traces(stage.open("home", VERSION)).commits


@pytest.mark.slow
def test_the_commit_of_edited_release_files_is_reverted_too(at: Make) -> None:
    """Step 1's own change: a version that was edited in the checkout would block every smaller one."""
    stage = at("version")
    untouched = stage.git("rev-parse", "main^{tree}")
    checkout = stage.clone()
    (checkout / "VERSION").write_text(f"{VERSION}\n")
    TASKS["version"].fn(stage.open("home", VERSION, repository=str(checkout)))
    assert stage.git("rev-parse", "main^{tree}") != untouched
    assert give_up(stage)["commits"].state == "done"
    assert stage.git("rev-parse", "main^{tree}") == untouched


def test_the_version_is_free_again_and_released_from_what_is_on_main_then(at: Make) -> None:
    """The fix that was pushed after the release was given up is in it; no old commit, approval or draft comes back."""
    stage = at("export")
    first = record.kept(stage.open()).release_commit
    give_up(stage)
    assert stage.git("show", "main:VERSION") == "1.0.0"
    fix = stage.sandbox.commit_to_main("FIX.md", "rounds rightly\n", "Round rightly")
    kept = record.kept(stage.open("home", VERSION))
    assert (kept.release_commit, kept.approvals, kept.abort.by) == ("", (), "Ada")
    assert not make_plan(stage.open("home", VERSION)).problems
    stage.go_on(BEFORE_TAG[:4], version=VERSION)
    again = record.kept(stage.open("home", VERSION))
    assert again.release_commit != first
    assert again.abort is None
    assert stage.git("merge-base", fix, again.release_commit) == fix


def test_another_version_is_free_after_a_greater_one_was_given_up(at: Make) -> None:
    stage = at("tests")
    older = stage.open("home", "1.0.1")
    assert "older than the repository's own version" in str(
        checks.version(older, survey.look_at_origin(older)).problems
    )
    give_up(stage)
    older = stage.open("home", "1.0.1")
    assert not checks.version(older, survey.look_at_origin(older)).problems


def test_a_word_does_not_go_on_with_what_was_given_up(at: Make) -> None:
    stage = at("tests")
    assert record.kept(stage.open()).requested == "minor"
    give_up(stage, without=["commits"])
    release = stage.open("home", "patch")
    assert str(release.version) == "1.0.1"
    assert record.unfinished(release.store, release.slug) == ()


def test_commits_that_were_reverted_by_hand_begin_the_release_anew(at: Make) -> None:
    """The documented undo: it was refused at step 8 after all approvals."""
    stage = at("export")
    first = record.kept(stage.open()).release_commit
    checkout = stage.clone()
    commits = look_for_traces(stage.open()).commits
    stage.git("revert", "--no-edit", *commits, folder=checkout)
    token = f"http.extraheader=Authorization: Basic {_basic(stage)}"
    stage.git("-c", token, "push", "--quiet", "origin", "HEAD:main", folder=checkout)
    stage.go_on(BEFORE_TAG[:4], version=VERSION)
    assert record.kept(stage.open("home", VERSION)).release_commit != first


def test_a_release_commit_that_was_taken_back_is_not_tagged(at: Make) -> None:
    """Taken back elsewhere while the release is under way: step 8 says so, and what to do."""
    stage = at("export")
    kept = record.kept(stage.open())
    give_up(stage)
    record.save(stage.open("home", VERSION), kept)
    with pytest.raises(
        RefusedError, match=r"takes the release commit [0-9a-f]{12} back.*lockgate release 1\.1\.0 --restart"
    ):
        attempt(stage, "export", VERSION)
    assert not stage.changes("pushed refs/tags")


def test_twice_is_the_same_as_once(at: Make) -> None:
    stage = at("tests")
    give_up(stage)
    after, kept = world(stage), record.kept(stage.open("home", VERSION))
    journal = len(stage.sandbox.journal)
    assert give_up(stage) == {}
    assert (world(stage), len(stage.sandbox.journal)) == (after, journal)
    assert record.kept(stage.open("home", VERSION)).abort == kept.abort


def test_a_lost_reply_is_found_done_the_next_time(at: Make) -> None:
    stage = at("export")
    draft_only(stage)
    stage.sandbox.faults.add(Fault("drop-reply", "github", match="DELETE .*/releases/"))
    with pytest.raises(UnavailableError):
        give_up(stage)
    assert stage.sandbox.releases == []
    assert give_up(stage)["commits"].state == "done"
    assert stage.changes("deleted release") == 1


def draft_only(stage: Stage) -> None:
    """Step 8 broken off at the push of its tag, which did not arrive."""
    stage.sandbox.faults.add(Fault("refuse", "origin", "POST .*git-receive-pack", times=9))
    with pytest.raises(UnavailableError):
        attempt(stage, "export", VERSION)
    stage.sandbox.faults.clear()
    assert [one["draft"] for one in stage.sandbox.releases] == [True]


def test_draft_and_local_tag_are_deleted_before_the_tag_was_pushed(at: Make) -> None:
    stage = at("export")
    draft_only(stage)
    workspace = stage.open().workspace
    assert stage.git("tag", "--list", TAG, folder=workspace) == TAG
    items = give_up(stage)
    assert {one.kind for key, one in items.items() if key.startswith(("draft", "tag"))} == {"undone"}
    assert stage.sandbox.releases == []
    assert stage.git("tag", "--list", TAG, folder=workspace) == ""


def test_a_draft_of_somebody_else_is_left_alone(at: Make) -> None:
    stage = at("export")
    draft_only(stage)
    (found,) = stage.sandbox.releases
    path = stage.folder / "sandbox" / "github" / "releases" / f"{found['id']}.json"
    path.write_text(json.dumps({**found, "target_commitish": "main"}))
    assert not [key for key in give_up(stage) if key.startswith("draft")]
    assert len(stage.sandbox.releases) == 1


@pytest.mark.parametrize("path", ["src/lockgate_sample/days.py", "evil.txt"])
def test_a_commit_that_only_says_that_it_is_lockgates_is_not_reverted(at: Make, path: str) -> None:
    """Anybody can write the line that marks Lockgate's commits; one that changed other files stays."""
    stage = at("tests")
    stage.sandbox.commit_to_main(path, "theirs = 1\n", f"Innocent\n\nLockgate-Release: lockgate-sample {VERSION}\n")
    give_up(stage)
    assert stage.git("show", f"main:{path}") == "theirs = 1"
    assert "Innocent" in stage.subjects()


def test_others_commits_on_top_stay_and_where_they_touch_the_same_lines_a_person_reverts(at: Make) -> None:
    stage = at("tests")
    stage.sandbox.commit_to_main("NEWS.md", "news\n", "News")
    replace_in(stage, "VERSION", VERSION, "1.2.0")
    before = stage.git("rev-parse", "main")
    item = give_up(stage)["commits"]
    assert item.state == "left"
    assert "others changed VERSION after them" in item.why
    assert stage.git("rev-parse", "main") == before


def test_a_branch_that_moves_meanwhile_is_never_forced(at: Make) -> None:
    stage = at("tests")
    stage.sandbox.faults.add(Fault("moved-main", "origin", "POST .*git-receive-pack"))
    with pytest.raises(UnavailableError, match="concurrent update"):
        give_up(stage)
    theirs = stage.git("rev-parse", "main")
    assert give_up(stage)["commits"].state == "done"
    assert stage.git("rev-parse", "main^") == theirs


def test_a_publish_run_that_waits_is_cancelled_in_time_and_the_version_is_burnt(at: Make) -> None:
    stage = at("export")
    export_with_reviewer(stage)
    items = give_up(stage)
    stage.sandbox.wait_idle(LAST_WAIT_SECONDS)
    assert [one["conclusion"] for one in stage.sandbox.runs] == ["cancelled"]
    assert "never" not in items["tagged"].what
    assert items["next"].what.endswith("1.1.1")
    after = world(stage)
    assert (after["tags"].split(), after["index"], after["releases"]) == (["v1.0.0", TAG], [], [])
    assert json.loads(stage.git("show", f"main:{FIXTURE}"))["abort"]["burnt"], (
        "whoever has no store learns it from main"
    )
    for home in ("home", "elsewhere"):
        with pytest.raises(RefusedError, match=r"1\.1\.0 was given up by Ada at .* and is burnt: tag v1\.1\.0"):
            attempt(stage, "version", VERSION, home)
    assert str(stage.open("home", "minor").version) == "1.2.0"


@pytest.mark.slow
def test_a_publish_job_at_work_is_cancelled_and_it_is_said_that_it_was_in_time(at: Make) -> None:
    stage = at("export")
    stage.sandbox.set_delay(20.0)
    attempt(stage, "export", VERSION)
    done = abort(stage, "--yes")
    assert done.code == 3, done.out + done.err
    assert "the index shows nothing of 1.1.0" in done.out
    assert [one["conclusion"] for one in stage.sandbox.runs] == ["cancelled"]
    assert world(stage)["index"] == []


@pytest.mark.parametrize(
    "key", ["wait", pytest.param("record", marks=pytest.mark.slow), pytest.param("end", marks=pytest.mark.slow)]
)
def test_after_it_was_published_nothing_is_taken_away_and_yank_and_next_version_are_named(at: Make, key: str) -> None:
    stage = at(key)
    before = world(stage)
    items = give_up(stage)
    assert world(stage) == before
    assert "manage/project/lockgate-sample/release/1.1.0/" in items["yank"].what
    assert "1.1.0 was given up; use 1.1.1" in items["yank"].what
    assert f"lockgate_sample-{VERSION}" in items["files"].what
    assert all(not one.does for one in items.values())


@pytest.mark.slow
def test_what_was_published_too_late_to_cancel_can_be_finished(at: Make) -> None:
    stage = at("wait")
    give_up(stage)
    stage.go_on(ORDER, version=VERSION)
    assert stage.fixture().finished("logs")


def test_yes_undoes_and_leaves_what_is_public(at: Make) -> None:
    stage = at("export")
    draft_only(stage)
    main = stage.git("rev-parse", "main")
    done = abort(stage, "--yes", "--json")
    items = {one["key"].split()[0]: one for one in done.data["items"]}
    assert (done.code, items["draft"]["state"], items["commits"]["state"]) == (1, "done", "left")
    assert (stage.sandbox.releases, stage.git("rev-parse", "main")) == ([], main)


def test_a_terminal_is_asked_before_what_is_public_and_a_no_leaves_it(at: Make) -> None:
    stage = at("tests")
    main = stage.git("rev-parse", "main")
    no = abort_on_terminal(stage, ("[y/n]", "n\n"))
    assert (no.code, stage.git("rev-parse", "main")) == (1, main)
    assert "Take back the rest on a terminal: lockgate abort 1.1.0" in no.out.replace("\n", "")
    yes = abort_on_terminal(stage, ("[y/n]", "y\n"))
    assert yes.code == 0, yes.out
    assert look_for_traces(stage.open("home", VERSION)).commits == ()
    assert stage.git("rev-list", "--count", f"{main}..main") == "1"


@pytest.mark.parametrize("version", ["9.9.9", "1.1.0"])
def test_a_version_that_was_never_begun_is_refused(at: Make, version: str) -> None:
    stage = at("version")
    words = [*COMMAND, "abort", version, "--yes", "--repository", stage.sandbox.origin_url]
    done = subprocess.run(
        words, env=stage.environ(PYTHONPATH=str(ROOT)), capture_output=True, text=True, cwd=stage.folder, timeout=240
    )
    assert done.returncode == 1
    assert f"knows of a release of lockgate-sample {version}" in done.stdout


def _basic(stage: Stage) -> str:
    import base64

    return base64.b64encode(f"x-access-token:{stage.sandbox.token}".encode()).decode()
