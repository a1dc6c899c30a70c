"""The failures that Lockgate must not have: one test each, against real git, real builds and the sandbox with its faults.

docs/failures.md is the table of them; every row names its test here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from clients import github_actions, github_releases
from clients.log_archive import read_archive
from lockgate.artifacts import Artifact
from lockgate.errors import NotVisibleError, RefusedError, TransientError, UnavailableError
from lockgate.fixture import Note
from lockgate.request import Request
from lockgate.runs import RunFailedError
from planning import record
from sandbox.faults import Fault
from tests.acts import ANY, attempt, configure, files, make_key, publish_wheel, refs, replace_in, review, wait
from tests.stages import ORDER, TAG, VERSION, Stage, run_step

Make = Callable[[str], Stage]
PUSH = r"POST .*git-receive-pack"
TAG_PUSHES = "origin POST .* pushed refs/tags/"
PUBLISHED = "github PATCH .* published release"
PUBLISH_FILE = ".github/workflows/publish.yml"
OTHER_JOB = "  lint:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo fine\n"
WHEEL = f"lockgate_sample-{VERSION}-py3-none-any.whl"


def test_a_yanked_version_is_taken(at: Make) -> None:
    stage = at("version")
    publish_wheel(stage, VERSION, yanked="broken")
    with pytest.raises(RefusedError, match=r"1\.1\.0.*yanked"):
        attempt(stage, "version", VERSION)


@pytest.mark.parametrize("status", [0, 500, 503, 403])
def test_an_index_that_does_not_answer_makes_no_version_free(at: Make, status: int) -> None:
    stage = at("version")
    fault = Fault("error", "index", ANY, 100, 0, {"status": status}) if status else Fault("refuse", "index", ANY, 100)
    stage.sandbox.faults.add(fault)
    with pytest.raises((TransientError, RefusedError), match=r"index|answer|403"):
        attempt(stage, "version", VERSION)
    assert not stage.changes(ANY)


@pytest.mark.parametrize("version", ["1.0.0", "1.0", "v1.0.0"])
def test_a_released_version_is_not_accepted_again(at: Make, version: str) -> None:
    with pytest.raises(RefusedError, match=r"1\.0(\.0)? is|v1\.0\.0"):
        attempt(at("version"), "version", version)


def test_a_finished_release_asked_for_again_changes_nothing(at: Make) -> None:
    stage = at("end")
    before = stage.changes(ANY), refs(stage)
    stage.go_on(ORDER, version=VERSION)
    assert (stage.changes(ANY), refs(stage)) == before


def test_an_index_with_files_of_somebody_else_is_no_finished_release(at: Make) -> None:
    stage = at("version")
    publish_wheel(stage, VERSION)
    with pytest.raises(RefusedError, match=r"1\.1\.0 is taken: on the index"):
        attempt(stage, "version", VERSION)


def test_a_checkpoint_waits_for_somebody(at: Make, prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: the run ends (Prefect may say so first), and nothing that follows the checkpoint was begun."""
    from flows.release_flow import release

    stage = at("publisher")
    configure(stage, "checkpoint-timeout = 1")
    for name, value in stage.environ().items():
        monkeypatch.setenv(name, value)
    state = release(Request(stage.sandbox.origin_url, "minor", requested_by="Ada"), return_state=True)
    assert state.is_failed()
    assert re.search("nobody answered|expired and never resumed", str(state.message))
    assert not stage.changes("pushed refs/tags|created release")
    assert not record.kept(stage.open()).finished("publisher"), (
        "the new settings let it begin anew: the tests are asked first"
    )


def test_a_main_that_moved_between_build_and_tag_is_noticed(at: Make) -> None:
    stage = at("export")
    stage.sandbox.commit_to_main("VERSION", "9.9.9\n", "Take another version")
    with pytest.raises(RefusedError, match=r"changed VERSION after the release commit"):
        attempt(stage, "export")
    assert not stage.changes(TAG_PUSHES)


def test_a_main_that_is_rewritten_between_build_and_tag_is_noticed(at: Make) -> None:
    stage = at("export")
    stage.git("update-ref", "refs/heads/main", stage.record().base_commit)
    with pytest.raises(RefusedError, match=r"is not in origin's branch"):
        attempt(stage, "export")
    assert not stage.changes(TAG_PUSHES)


def test_unrelated_commits_do_not_reach_the_tag(at: Make) -> None:
    stage = at("export")
    built = record.kept(stage.open()).release_commit
    stage.sandbox.commit_to_main("NEWS", "theirs\n", "Say something")
    attempt(stage, "export")
    assert stage.git("rev-parse", f"{TAG}^{{commit}}") == built != stage.git("rev-parse", "main")


def test_a_failed_build_leaves_the_checkout_alone(at: Make) -> None:
    """A person's checkout holds a stash, an ignored file and nothing else; the build fails; all of it is still there."""
    stage = at("version")
    replace_in(stage, "pyproject.toml", 'readme = "README.md"', 'readme = "MISSING.md"')
    checkout = stage.clone()
    (checkout / "README.md").write_text("half done\n")
    stage.git("stash", folder=checkout)
    (checkout / "dist").mkdir()
    (checkout / "dist" / "mine.whl").write_bytes(b"mine")
    before = files(checkout), refs(stage, checkout), refs(stage)
    release = stage.open(repository=str(checkout))
    for key in ("version", "migrations", "pre-release"):
        run_step(release, key)
    with pytest.raises(RefusedError, match=r"(?s)MISSING\.md"):
        run_step(release, "artifacts")
    assert (files(checkout), refs(stage, checkout), refs(stage)) == before


def test_a_release_becomes_public_only_with_its_assets(at: Make) -> None:
    stage = at("export")
    stage.sandbox.faults.add(Fault("error", "github", "POST /api/uploads", 100, 1, {"status": 502}))
    with pytest.raises(UnavailableError):
        attempt(stage, "export")
    assert [one["draft"] for one in stage.sandbox.releases] == [True]
    assert not stage.changes(f"{TAG_PUSHES}|{PUBLISHED}")
    stage.sandbox.faults.clear()
    stage.go_on(ORDER[ORDER.index("export") :])
    happened = [one["what"] for one in stage.sandbox.journal]
    published = next(number for number, what in enumerate(happened) if "published release" in what)
    uploaded = [number for number, what in enumerate(happened) if "uploaded asset" in what]
    assert len(uploaded) == 2
    assert max(uploaded) < published


def test_artifacts_are_built_once_and_never_replaced(at: Make) -> None:
    stage = at("tests")
    release = stage.open()
    built = record.kept(release).artifacts
    assert attempt(stage, "artifacts").outcome == "already done"
    stage.go_on(ORDER[ORDER.index("tests") :])
    digests = {one.name: one.sha256 for one in built}
    assert {one.name: one.sha256 for one in stage.fixture().artifacts} == digests
    assert dict(stage.fixture().index_files) == digests
    assets = github_releases.find_releases(release.hub, TAG)[0].assets
    assert {one.name: one.digest for one in assets} == {name: f"sha256:{digest}" for name, digest in digests.items()}


def test_a_build_that_differs_from_the_recorded_one_is_refused(at: Make) -> None:
    stage = at("tests")
    release = stage.open()
    known = record.kept(release)
    lost = tuple(Artifact(one.name, "0" * 64, one.size, one.kind) for one in known.artifacts)
    record.save(release, replace(known, artifacts=lost))
    with pytest.raises(RefusedError, match=r"bytes are gone from the store, and building again gives others"):
        attempt(stage, "artifacts")
    assert record.kept(release).artifacts == lost


def test_a_dispatched_run_is_found(at: Make) -> None:
    """The tag starts no run, so the workflow is dispatched; GitHub's filtered lists do not show that run for long."""
    stage = at("export")
    configure(stage, "run-timeout = 1")
    stage.sandbox.faults.add(Fault("missing-run", "github", "push refs/tags/"))
    stage.sandbox.faults.add(Fault("hidden-run", "github", options={"lookups": 1000}))
    attempt(stage, "export")
    attempt(stage, "wait")
    kept = record.kept(stage.open()).workflow_run
    assert kept is not None
    assert (kept.event, kept.conclusion) == ("workflow_dispatch", "success")
    assert stage.changes("github POST .*/dispatches") == 1


def test_a_failed_run_does_not_pass_the_wait(at: Make) -> None:
    stage = at("export")
    stage.sandbox.faults.add(Fault("failed-publish", "github", options={"text": "ERROR the index did not answer"}))
    attempt(stage, "export")
    failure = wait(stage)
    assert isinstance(failure, RunFailedError)
    assert failure.failed == ("publish",)
    assert not record.kept(stage.open()).finished("wait")
    configure(stage, "visibility-timeout = 1")
    with pytest.raises(NotVisibleError):
        attempt(stage, "record")


def test_a_wait_has_a_deadline_and_goes_on_afterwards(at: Make) -> None:
    stage = at("export")
    configure(stage, "publish-timeout = 1")
    stage.sandbox.set_environment("pypi", reviewers=["example"])
    attempt(stage, "export")
    with pytest.raises(NotVisibleError, match=r"did not end within .* hours"):
        attempt(stage, "wait")
    review(stage, int(stage.sandbox.runs[-1]["id"]))
    stage.sandbox.wait_idle(60)
    assert attempt(stage, "wait").outcome == "done"


@pytest.mark.parametrize("home", ["home", "another-machine"])
def test_a_scheduled_run_knows_of_the_pending_publish(at: Make, home: str) -> None:
    """The tag is out and the run still waits: the next scheduled run goes on with this release, on whatever machine of ours."""
    from planning.outlook import look_ahead

    stage = at("export")
    stage.sandbox.set_environment("pypi", reviewers=["example"])
    attempt(stage, "export")
    key = str(stage.folder / "home" / "installation.key")
    outlook, _ = look_ahead(
        Request(stage.sandbox.origin_url, "patch", unattended=True), stage.environ(home, LOCKGATE_KEY_FILE=key)
    )
    assert outlook.pending == VERSION


def test_a_restart_keeps_the_logs_of_the_attempt_before_it(at: Make) -> None:
    stage = at("tests")
    configure(stage, """test-command = ["python", "-c", "print('all 7 passed')"]""")
    attempt(stage, "tests")
    release = stage.open()
    known = record.kept(release)
    record.restart(release, Note(record.now(), "Ada", "begins anew"))
    assert record.kept(release).tests is None
    assert record.earlier(release) == (known,)
    assert known.tests is not None
    kept = stage.folder / "earlier.log"
    release.store.fetch(known.tests.log_sha256, kept)
    assert kept.read_text() == "all 7 passed\n"
    assert all(release.store.has(one.sha256) for one in known.artifacts)


def test_a_failed_publish_keeps_its_log(at: Make) -> None:
    stage = at("export")
    stage.sandbox.faults.add(Fault("failed-publish", "github", options={"text": "ERROR the index did not answer"}))
    attempt(stage, "export")
    store = stage.folder / "home" / "store" / "artifacts"
    before = files(store)
    assert isinstance(wait(stage), RunFailedError)
    (name,) = set(files(store)) - set(before)
    assert "ERROR the index did not answer" in "".join(read_archive(store / name, 10**6).texts.values())


@pytest.mark.parametrize(
    ("grant", "seen"),
    [
        ({"contents": "read"}, "contents"),
        ({"push": "false", "contents": "read"}, "may not push|push"),
    ],
)
def test_an_environment_whose_token_cannot_push_is_not_verified(at: Make, grant: dict[str, str], seen: str) -> None:
    stage = at("environment")
    stage.sandbox.grant(**grant)
    with pytest.raises(RefusedError, match=seen):
        attempt(stage, "environment")
    assert not record.kept(stage.open()).finished("environment")


def test_an_environment_whose_rules_forbid_the_tag_is_not_verified(at: Make) -> None:
    stage = at("environment")
    stage.sandbox.add_ruleset(include=["refs/tags/v*"], rules=["creation"], name="no tags")
    with pytest.raises(RefusedError, match=r"ruleset 'no tags'.*covers tag 'v1\.1\.0'"):
        attempt(stage, "environment")


def test_a_lost_reply_makes_no_second_draft(at: Make) -> None:
    stage = at("export")
    stage.sandbox.faults.add(Fault("drop-reply", "github", r"POST .*/releases$"))
    with pytest.raises(TransientError):
        attempt(stage, "export")
    attempt(stage, "export")
    assert [one["tag_name"] for one in stage.sandbox.releases] == [TAG]
    assert stage.changes("created draft release") == 1


def test_a_success_that_did_not_publish_does_not_pass_the_wait(at: Make) -> None:
    """The publishing job has a condition that only GitHub can judge, and that does not hold; another job succeeds."""
    stage = at("version")
    replace_in(stage, PUBLISH_FILE, "  publish:\n", f"{OTHER_JOB}  publish:\n    if: github.actor == 'somebody else'\n")
    stage.go_on(ORDER[: ORDER.index("wait")])
    assert stage.sandbox.runs[-1]["conclusion"] == "success"
    failure = wait(stage)
    assert isinstance(failure, RunFailedError)
    assert "succeeded without publishing (publish: skipped)" in str(failure)


def test_an_asset_is_not_accepted_by_its_name(at: Make) -> None:
    stage = at("export")
    release = stage.open()
    known = record.kept(release)
    other = stage.folder / WHEEL
    size = next(one.size for one in known.artifacts if one.name == WHEEL)
    other.write_bytes(b"x" * size)
    draft = github_releases.create_draft(release.hub, TAG, known.release_commit, "Somebody's", "", prerelease=False)
    github_releases.upload_asset(release.hub, draft, other)
    with pytest.raises(RefusedError, match=rf"has an asset '{WHEEL}'"):
        attempt(stage, "export")
    assert not stage.changes(f"{TAG_PUSHES}|deleted asset")


def test_the_link_to_the_logs_is_followed_without_the_token(at: Make) -> None:
    """The storage behind the link refuses every request that carries an authorization, as the real one does."""
    stage = at("logs")
    hub = stage.open().hub
    run = github_actions.read_run(hub, int(stage.sandbox.runs[-1]["id"]))
    assert run is not None
    headers = {"Authorization": f"Bearer {stage.sandbox.token}"}
    with httpx.Client(headers=headers, timeout=20) as client:
        address = f"{hub.api_url}/repos/{hub.slug}/actions/runs/{run.id}/attempts/{run.run_attempt}/logs"
        link = client.get(address).headers["location"]
        assert httpx.URL(link).port not in {httpx.URL(hub.api_url).port, None}
        assert client.get(link).status_code == 400
    attempt(stage, "logs")
    kept = stage.fixture().log
    assert kept is not None
    assert not kept.gone


@pytest.mark.parametrize("key", ["none", "unusable"])
def test_no_unsigned_tag_is_pushed_when_a_signature_was_asked_for(
    at: Make, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = at("export")
    configure(stage, "sign-tags = true")
    if key == "unusable":
        make_key(stage, monkeypatch).unlink()
    with pytest.raises(RefusedError, match="sign"):
        attempt(stage, "export")
    assert not stage.changes(TAG_PUSHES)


def test_a_signed_tag_is_verified_and_arrives_signed(at: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = at("export")
    configure(stage, "sign-tags = true")
    make_key(stage, monkeypatch)
    attempt(stage, "export")
    assert "-----BEGIN SSH SIGNATURE-----" in stage.git("cat-file", "tag", TAG)
