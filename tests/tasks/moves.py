"""What each move's five cases need: where it begins, one attempt, and how the world differs, is down, or loses a reply.

A change is counted in the world, never taken from what the move says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from clients import github_releases
from lockgate.artifacts import Artifact
from lockgate.errors import RefusedError, TransientError
from lockgate.outcome import StepResult
from lockgate.runs import RunFailedError
from planning import checks
from planning.undoing import look_for_traces
from sandbox.faults import Fault
from tasks import actions, dist, ends, git, github, github_release, undoing, work
from tasks.work import Work
from tests.acts import configure, review
from tests.stages import RUNS_SECONDS, SLUG, TAG, TASKS, VERSION, Stage

PUSH = r"POST .*git-receive-pack"
MAIN_PUSHES = "origin POST .* pushed refs/heads/main"
UNKNOWN_DIGEST = "0" * 64


@dataclass(frozen=True)
class Scenario:
    """One move of a step. `at` names a snapshot, `prepare` what is done in it once; `adds` is what the first attempt adds.

    `why` says of a case that is impossible by nature why the nearest real one stands in its place.
    """

    at: str
    attempt: Callable[[Stage], object]
    changes: Callable[[Stage], int]
    differ: Callable[[Stage], None]
    refusal: str
    down: Callable[[Stage], AbstractContextManager[None]]
    lose: Callable[[Stage, Callable[[Stage], object]], None]
    adds: int = 1
    prepare: Callable[[Stage], object] | None = None
    refuse: Callable[[Stage, Callable[[Stage], object]], str] | None = None
    why: Mapping[str, str] = field(default_factory=dict)


def journal(pattern: str) -> Callable[[Stage], int]:
    """Counts the outside changes of a kind."""
    return lambda stage: stage.changes(pattern)


def outage(service: str, match: str) -> Callable[[Stage], AbstractContextManager[None]]:
    """Lets these requests be refused while it lasts."""

    @contextmanager
    def down(stage: Stage) -> Iterator[None]:
        stage.sandbox.faults.add(Fault("refuse", service, match, times=1000))
        yield
        stage.sandbox.faults.clear()

    return down


def lost(service: str, match: str) -> Callable[[Stage, Callable[[Stage], object]], None]:
    """Makes an attempt whose request is carried out, and whose reply does not arrive."""

    def lose(stage: Stage, attempt: Callable[[Stage], object]) -> None:
        stage.sandbox.faults.add(Fault("drop-reply", service, match))
        with pytest.raises(TransientError):
            attempt(stage)
        assert stage.sandbox.faults.seen[-1]["name"] == "drop-reply"

    return lose


def forget(stage: Stage, attempt: Callable[[Stage], object]) -> None:
    """Makes an attempt, and takes away what it recorded, as a kill before the record would."""
    store = stage.open().store
    before = {key: store.read_record(key) or "" for key in store.record_keys()}
    attempt(stage)
    for key, text in before.items():
        store.write_record(key, text)


def move_main(stage: Stage) -> None:
    """Another person pushes to the release branch."""
    stage.sandbox.commit_to_main("NEWS", "theirs\n", "Say something")


def edit_checkout(stage: Stage) -> None:
    """A person edited the version file and did not commit it."""
    (stage.clone() / "VERSION").write_text("1.0.1\n")


def check_version(stage: Stage) -> object:
    return git.check_version.fn(stage.open(repository=str(stage.folder / "checkout")))


def add_foreign_file(stage: Stage) -> None:
    (stage.folder / "checkout" / "notes.txt").write_text("mine\n")


TIDY = Scenario(
    at="version", prepare=edit_checkout, attempt=check_version, changes=journal(MAIN_PUSHES),
    differ=add_foreign_file, refusal=r"1 changed or untracked files in .*notes\.txt.*a clean tree",
    down=outage("origin", PUSH), lose=lost("origin", PUSH),
    why={"different": "Nothing of a checkout is on origin before it is pushed: a file that is no release file differs."},
)  # fmt: skip


def draft_and_fix(stage: Stage) -> None:
    """A start made the draft and was cut off before the tag, and somebody pushed."""
    github_release.ensure_draft(stage.work("export"))
    move_main(stage)


def aim_elsewhere(stage: Stage) -> None:
    """The draft is somebody else's: it was made for another commit."""
    release = stage.open()
    (draft,) = github_releases.find_releases(release.hub, release.tag)
    github_releases.delete_draft(release.hub, draft)
    github_releases.create_draft(release.hub, release.tag, "b" * 40, "theirs", "", prerelease=False)


def evidence(stage: Stage, attempt: Callable[[Stage], object]) -> str:
    result = attempt(stage)
    assert isinstance(result, StepResult)
    return f"{result.evidence}; {len(stage.sandbox.releases)} left"


PUT_AWAY = Scenario(
    at="export", prepare=draft_and_fix, attempt=lambda stage: git.check_version.fn(stage.open()),
    changes=journal("deleted release v"), differ=aim_elsewhere, refuse=evidence, refusal=r"begins anew from main.*1 left",
    down=outage("github", r"DELETE .*/releases/"), lose=lost("github", r"DELETE .*/releases/"),
    why={"different": "A draft for another commit is not of this release: it is left alone, and step 8 refuses it."},
)  # fmt: skip


def workspace_commits(stage: Stage) -> int:
    workspace = stage.open().workspace
    return int(stage.git("rev-list", "--count", "refs/remotes/origin/main..main", folder=workspace))


RELEASE_COMMIT = Scenario(
    at="pre-release", attempt=lambda stage: git.execute_pre_release.fn(stage.open()), changes=workspace_commits,
    differ=move_main, refusal=r"'main' moved from \w{12} to \w{12} since the version was checked",
    down=outage("origin", r"GET .*info/refs"), lose=forget,
    why={
        "down": "The commit needs nobody outside; the step's look at origin does.",
        "lost": "There is no reply: the record of the commit is lost.",
    },
)  # fmt: skip


def build(stage: Stage) -> object:
    return dist.build_and_keep(stage.work("artifacts"))


def kept_files(stage: Stage) -> int:
    kept = (stage.folder / "home" / "store" / "artifacts").rglob("[!.]*")
    return sum(1 for path in kept if path.is_file())


def record_other_bytes(stage: Stage) -> None:
    """The record names artifacts that are not in the store, as if a build that cannot be repeated had made them."""
    current = stage.work("artifacts")
    name = f"lockgate_sample-{VERSION}.tar.gz"
    current.fixture = replace(current.fixture, artifacts=(Artifact(name, UNKNOWN_DIGEST, 1, "sdist"),))


@contextmanager
def no_registry(_stage: Stage) -> Iterator[None]:
    """No build requirement can be downloaded."""
    nowhere = "http://127.0.0.1:9/simple"
    settings = {
        "UV_DEFAULT_INDEX": nowhere, "UV_NO_CACHE": "1", "UV_HTTP_RETRIES": "0",
        "PIP_INDEX_URL": nowhere, "PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIP_FIND_LINKS", raising=False)
        for name, value in settings.items():
            patch.setenv(name, value)
        yield


BUILD = Scenario(
    at="artifacts", attempt=build, changes=kept_files, adds=2, differ=record_other_bytes,
    refusal=r"bytes are gone from the store, and building again gives others.*bring the store back",
    down=no_registry, lose=forget,
    why={"lost": "There is no reply: the record of the artifacts is lost, their bytes are in the store."},
)  # fmt: skip


def push_release_commit(stage: Stage) -> object:
    return dist.build_release.fn(stage.open())


def refuse_after_another_push(stage: Stage, attempt: Callable[[Stage], object]) -> str:
    """Main moves at the very moment of the push: the attempt is transient, and the next one refuses."""
    with pytest.raises(TransientError, match=r"moved from \w{12} to \w{12} while|concurrent update"):
        attempt(stage)
    with pytest.raises(RefusedError) as refusal:
        attempt(stage)
    return str(refusal.value)


def move_main_at_the_push(stage: Stage) -> None:
    stage.sandbox.faults.add(Fault("moved-main", "origin", PUSH))


PUSH_MOVE = Scenario(
    at="artifacts", prepare=build, attempt=push_release_commit, changes=journal(MAIN_PUSHES), differ=move_main_at_the_push,
    refuse=refuse_after_another_push,
    refusal=r"origin's 'main' moved to \w{12} since the release commit was made.*start the release again",
    down=outage("origin", PUSH), lose=lost("origin", PUSH),
)  # fmt: skip


def draft(stage: Stage) -> object:
    return github_release.ensure_draft(stage.work("export"))


def draft_for_another_commit(stage: Stage) -> None:
    release = stage.open()
    other = stage.git("rev-parse", "main~1")
    github_releases.create_draft(release.hub, TAG, other, "Somebody's", "Notes", prerelease=False)


DRAFT = Scenario(
    at="export", attempt=draft, changes=journal("github POST .*/releases created draft release"),
    differ=draft_for_another_commit, refusal=r"draft release .* was made for commit \w{40}.*delete the draft",
    down=outage("github", r"POST .*/releases$"), lose=lost("github", r"POST .*/releases$"),
)  # fmt: skip


def assets(stage: Stage) -> object:
    current = stage.work("export")
    found, _ = github_release.ensure_draft(current)
    return [github_release.upload_artifact(current, found, one) for one in current.fixture.artifacts]


def upload_other_bytes(stage: Stage) -> None:
    current = stage.work("export")
    found, _ = github_release.ensure_draft(current)
    path = stage.folder / current.fixture.artifacts[0].name
    path.write_bytes(b"something else")
    github_releases.upload_asset(current.release.hub, found, path)


ASSETS = Scenario(
    at="export", prepare=draft, attempt=assets, changes=journal("github POST .* uploaded asset"), adds=2,
    differ=upload_other_bytes, refusal=r"The release has an asset 'lockgate_sample.*\.tar\.gz'.*as it was built and tested",
    down=outage("github", r"POST /api/uploads"), lose=lost("github", r"POST /api/uploads"),
)  # fmt: skip


def tag_another_commit(stage: Stage) -> None:
    stage.git("-c", "user.name=B", "-c", "user.email=b@example.org", "tag", "-a", TAG, "-m", "Mine", "main~1")


TAG_MOVE = Scenario(
    at="export", attempt=lambda stage: github.push_tag(Work(stage.open(version=VERSION), "export")),
    changes=journal("origin POST .* pushed refs/tags/"), differ=tag_another_commit,
    refusal=rf"Tag '{TAG}' is at commit \w{{40}} on origin.*Lockgate moves no tag",
    down=outage("origin", PUSH), lose=lost("origin", PUSH),
)  # fmt: skip


def lose_an_asset(stage: Stage) -> None:
    found = github_releases.find_releases(stage.open().hub, TAG)[0]
    address = f"{stage.sandbox.api_url}/repos/{SLUG}/releases/assets/{found.assets[0].id}"
    httpx.delete(address, headers={"Authorization": f"Bearer {stage.sandbox.token}"}).raise_for_status()


def publish(current: Work) -> object:
    return github_release.publish_release(current, current.fixture.artifacts)


PUBLISH_TO_START = Scenario(
    at="wait", attempt=lambda stage: publish(stage.work("export")),
    changes=journal("github PATCH .* published release"), differ=lose_an_asset,
    refusal=r"draft for 'v1\.1\.0' has no complete asset",
    down=outage("github", "PATCH .*/releases/"), lose=lost("github", "PATCH .*/releases/"),
)  # fmt: skip
PUBLISH_AT_LAST = replace(PUBLISH_TO_START, at="record", attempt=lambda stage: publish(stage.work("record")))


def lose_the_release(stage: Stage) -> None:
    """What a workflow that was to make the release leaves behind when its step did not run."""
    found = github_releases.find_releases(stage.open().hub, TAG)[0]
    address = f"{stage.sandbox.api_url}/repos/{SLUG}/releases/{found.id}"
    httpx.delete(address, headers={"Authorization": f"Bearer {stage.sandbox.token}"}).raise_for_status()


MAKE_UP_DRAFT = replace(
    DRAFT,
    at="record",
    prepare=lose_the_release,
    attempt=lambda stage: github_release.ensure_draft(stage.work("record")),
)


def complete(stage: Stage) -> object:
    current = stage.work("record")
    found, _ = github_release.ensure_draft(current)
    return github_release.complete_assets(current, found, "refuse")


MAKE_UP_ASSETS = replace(
    ASSETS, at="record", prepare=lose_an_asset, attempt=complete, adds=1,
    refusal=r"has lockgate_sample.*\.tar\.gz as .*the built file:.*run again",
)  # fmt: skip


def tag_without_a_run(stage: Stage) -> None:
    configure(stage, "run-timeout = 2")
    stage.sandbox.faults.add(Fault("missing-run", "github", "push refs/tags/"))
    stage.go_on(["export"])


def dispatch(stage: Stage) -> object:
    current = stage.work("wait")
    workflow, _, _ = checks.find_workflow(current.release, current.origin)
    return actions.dispatch_run(current, workflow)


def disable_the_workflow(stage: Stage) -> None:
    stage.sandbox.disable_workflow("publish.yml")


DISPATCH = Scenario(
    at="export", prepare=tag_without_a_run, attempt=dispatch, changes=journal("github POST .*/dispatches"),
    differ=disable_the_workflow, refusal=r"publish\.yml",
    down=outage("github", "POST .*/dispatches"), lose=lost("github", "POST .*/dispatches"),
    why={"different": "A run of another tag is not this one; what GitHub refuses is a disabled workflow."},
)  # fmt: skip


def fail_the_publish(stage: Stage) -> None:
    stage.sandbox.faults.add(Fault("failed-publish", "github", options={"text": "ERROR the index did not answer"}))
    stage.go_on(["export"])
    with pytest.raises(RunFailedError):
        stage.go_on(["wait"])


def rerun(stage: Stage) -> object:
    return actions.rerun_failed_jobs(stage.work("wait"))


def take_the_right_away(stage: Stage) -> None:
    stage.sandbox.grant(actions="read")


RERUN = Scenario(
    at="export", prepare=fail_the_publish, attempt=rerun, changes=journal("github POST .*/rerun-failed-jobs"),
    differ=take_the_right_away, refusal="actions",
    down=outage("github", "POST .*/rerun-failed-jobs"), lose=lost("github", "POST .*/rerun-failed-jobs"),
    why={"different": "A later attempt of the run is the wanted one, whoever started it; GitHub refuses without the right."},
)  # fmt: skip


def take_the_push_away(stage: Stage) -> None:
    stage.sandbox.grant(contents="read")


COMMIT_RECORD = Scenario(
    at="logs", attempt=lambda stage: actions.finish_fixture(stage.work("logs")), changes=journal(MAIN_PUSHES),
    differ=take_the_push_away, refusal=r"no permission.*Contents: write", down=outage("origin", PUSH), lose=lost("origin", PUSH),
    why={
        "different": "A record that somebody else wrote there is a report, and is replaced; what is refused is a push without"
        " the right."
    },
)  # fmt: skip


def clone_behind(stage: Stage) -> None:
    path = stage.clone()
    stage.git("reset", "--quiet", "--hard", "HEAD~2", folder=path)


def follow(stage: Stage) -> str:
    release = stage.open(repository=str(stage.folder / "checkout"))
    return ends.follow(work.Work(release, "finish"))


def follows(stage: Stage) -> int:
    there = stage.git("rev-parse", "HEAD", folder=stage.folder / "checkout")
    return int(there == stage.git("rev-parse", "main"))


def edit_readme(stage: Stage) -> None:
    Path(stage.folder / "checkout" / "README.md").write_text("mine\n")


def say(stage: Stage, attempt: Callable[[Stage], object]) -> str:
    return str(attempt(stage))


FOLLOW = Scenario(
    at="finish", prepare=clone_behind, attempt=follow, changes=follows, differ=edit_readme, refuse=say,
    refusal=r"checkout was left as it is: run `git pull` there",
    down=outage("origin", r"GET .*info/refs"), lose=forget,
    why={
        "different": "The release is complete: an edited checkout is left alone and said, it is no refusal.",
        "lost": "There is no reply: a second attempt finds the checkout where it belongs.",
    },
)  # fmt: skip


def draft_made(stage: Stage) -> None:
    """Step 8 broken off after its draft."""
    github_release.ensure_draft(stage.work("export"))


def delete_drafts(stage: Stage) -> None:
    release = stage.open("home", VERSION)
    undoing.delete_drafts(release, look_for_traces(release))


def draft_of_somebody_else(stage: Stage) -> None:
    """Only that one is there."""
    delete_drafts(stage)
    draft_for_another_commit(stage)


def left_alone(stage: Stage, attempt: Callable[[Stage], object]) -> str:
    """A draft that is not this release's is not even listed."""
    attempt(stage)
    return str([one["name"] for one in stage.sandbox.releases])


DELETE_DRAFT = Scenario(
    at="export", prepare=draft_made, attempt=delete_drafts, changes=journal("deleted release"),
    differ=draft_of_somebody_else, refuse=left_alone, refusal="Somebody's",
    down=outage("github", "DELETE .*/releases/"), lose=lost("github", "DELETE .*/releases/"),
    why={"different": "A draft for another commit is no refusal: it is not touched."},
)  # fmt: skip


def revert_commits(stage: Stage) -> None:
    release = stage.open("home", VERSION)
    undoing.revert_commits(release, look_for_traces(release))


def change_the_version(stage: Stage) -> None:
    stage.sandbox.commit_to_main("VERSION", "1.2.0\n", "Say something else")


REVERT = Scenario(
    at="tests", attempt=revert_commits, changes=journal(MAIN_PUSHES), differ=change_the_version,
    refusal=r"cannot be reverted by themselves: others changed VERSION after them.*git revert \w{12}",
    down=outage("origin", PUSH), lose=lost("origin", PUSH),
)  # fmt: skip


def tag_and_wait_for_a_reviewer(stage: Stage) -> None:
    stage.sandbox.set_environment("pypi", reviewers=["example"])
    TASKS["export"].fn(stage.open("home", VERSION))
    stage.sandbox.wait_idle(RUNS_SECONDS)


def cancel_run(stage: Stage) -> None:
    release = stage.open("home", VERSION)
    undoing.cancel_run(release, look_for_traces(release))


def publish_after_all(stage: Stage) -> None:
    review(stage, stage.sandbox.runs[-1]["id"])
    stage.sandbox.wait_idle(RUNS_SECONDS)


def how_it_ended(stage: Stage, attempt: Callable[[Stage], object]) -> str:
    attempt(stage)
    return undoing.how_it_ended(look_for_traces(stage.open("home", VERSION)))


CANCEL = Scenario(
    at="export", prepare=tag_and_wait_for_a_reviewer, attempt=cancel_run, changes=journal("cancelled run"),
    differ=publish_after_all, refuse=how_it_ended, refusal="Too late: .* had published lockgate_sample",
    down=outage("github", "POST .*/cancel"), lose=lost("github", "POST .*/cancel"),
    why={"different": "A run that has published is over: that is said, it is no refusal."},
)  # fmt: skip

SCENARIOS: dict[tuple[str, str], Scenario] = {
    ("version", "put-away"): PUT_AWAY,
    ("version", "tidy"): TIDY,
    ("pre-release", "release-commit"): RELEASE_COMMIT,
    ("artifacts", "build"): BUILD,
    ("artifacts", "push"): PUSH_MOVE,
    ("export", "draft"): DRAFT,
    ("export", "assets"): ASSETS,
    ("export", "tag"): TAG_MOVE,
    ("export", "publish-release"): PUBLISH_TO_START,
    ("wait", "dispatch"): DISPATCH,
    ("wait", "rerun"): RERUN,
    ("record", "draft"): MAKE_UP_DRAFT,
    ("record", "assets"): MAKE_UP_ASSETS,
    ("record", "publish-release"): PUBLISH_AT_LAST,
    ("logs", "fixture-commit"): COMMIT_RECORD,
    ("finish", "follow"): FOLLOW,
    ("abort", "draft"): DELETE_DRAFT,
    ("abort", "commits"): REVERT,
    ("abort", "run"): CANCEL,
}
