"""Releases and assets: each act against GitHub's stand-in, with its faults."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from clients import github, github_releases
from lockgate.errors import RateLimitedError, RefusedError, UnavailableError
from lockgate.github import Asset, GitHub, GithubRelease
from lockgate.secrets import Token
from sandbox.faults import Fault
from sandbox.world import Sandbox

TAG = "v1.1.0"


def draft_of(hub: GitHub, commit: str, tag: str = TAG) -> GithubRelease:
    return github_releases.create_draft(hub, tag, commit, tag, "What changed.", prerelease=False)


@pytest.fixture
def draft(hub: GitHub, commit: str) -> GithubRelease:
    return draft_of(hub, commit)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "pkg-1.1.0-py3-none-any.whl"
    path.write_bytes(b"wheel" * 50_000)
    return path


def test_a_draft_is_made_and_found(hub: GitHub, commit: str) -> None:
    made = draft_of(hub, commit)
    assert (made.tag_name, made.target_commitish, made.draft, made.prerelease) == (TAG, commit, True, False)
    assert (made.name, made.body) == (TAG, "What changed.")
    assert github_releases.find_releases(hub, TAG) == (made,)
    assert github_releases.read_release(hub, made.id) == made


def test_nothing_is_found_for_another_tag(hub: GitHub, draft: GithubRelease) -> None:
    assert github_releases.find_releases(hub, "v1.1") == ()
    assert github_releases.read_release(hub, draft.id + 1) is None


def test_a_lost_reply_leaves_a_draft_that_the_next_look_finds(forge: Sandbox, hub: GitHub, commit: str) -> None:
    forge.faults.add(Fault("drop-reply", match="POST .*/releases$"))
    with pytest.raises(UnavailableError, match=r"While creating a draft release for 'v1.1.0', no complete answer came"):
        draft_of(hub, commit)
    assert len(github_releases.find_releases(hub, TAG)) == 1


@pytest.mark.parametrize("fault", [Fault("refuse"), Fault("error"), Fault("error", options={"status": 503})])
def test_an_outage_is_transient_and_changes_nothing(forge: Sandbox, hub: GitHub, commit: str, fault: Fault) -> None:
    forge.faults.add(fault)
    with pytest.raises(UnavailableError):
        draft_of(hub, commit)
    assert forge.releases == []


@pytest.mark.parametrize("primary", [True, False])
@pytest.mark.parametrize("status", [403, 429])
def test_a_rate_limit_tells_how_long_to_wait(
    forge: Sandbox, hub: GitHub, commit: str, primary: bool, status: int
) -> None:
    options = {"primary": primary, "status": status, "retry_after": 40}
    forge.faults.add(Fault("rate-limit", options=options))
    with pytest.raises(RateLimitedError, match="rate limit") as caught:
        draft_of(hub, commit)
    assert 35 < caught.value.wait_seconds <= 40


def test_a_token_that_may_only_read_is_refused_with_the_permission(forge: Sandbox, hub: GitHub, commit: str) -> None:
    forge.grant(contents="read")
    with pytest.raises(RefusedError, match="give the token contents=write for this repository"):
        draft_of(hub, commit)


def test_a_wrong_token_is_refused(hub: GitHub, commit: str) -> None:
    with pytest.raises(RefusedError, match=r"Bad credentials.*make a new token"):
        draft_of(replace(hub, token=Token("ghp_wrong")), commit)


def test_an_asset_has_the_digest_of_its_file(hub: GitHub, draft: GithubRelease, wheel: Path) -> None:
    asset = github_releases.upload_asset(hub, draft, wheel)
    assert (asset.name, asset.state, asset.size) == (wheel.name, "uploaded", wheel.stat().st_size)
    assert asset.digest == "sha256:" + hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert github_releases.list_assets(hub, draft) == (asset,)
    (found,) = github_releases.find_releases(hub, TAG)
    assert found.assets == (asset,)


def test_a_second_asset_of_the_name_is_refused_with_the_words(hub: GitHub, draft: GithubRelease, wheel: Path) -> None:
    github_releases.upload_asset(hub, draft, wheel)
    with pytest.raises(RefusedError, match="Validation Failed; ReleaseAsset name already_exists"):
        github_releases.upload_asset(hub, draft, wheel)


def test_a_lost_reply_of_an_upload_leaves_the_asset(
    forge: Sandbox, hub: GitHub, draft: GithubRelease, wheel: Path
) -> None:
    forge.faults.add(Fault("drop-reply", match="POST .*/assets$"))
    with pytest.raises(UnavailableError, match=f"While uploading {wheel.name} to the release of 'v1.1.0'"):
        github_releases.upload_asset(hub, draft, wheel)
    assert [asset.state for asset in github_releases.list_assets(hub, draft)] == ["uploaded"]


def test_a_leftover_is_deleted_and_uploaded_again(
    forge: Sandbox, hub: GitHub, draft: GithubRelease, wheel: Path
) -> None:
    forge.faults.add(Fault("starter-asset"))
    with pytest.raises(UnavailableError, match="Error creating asset temp dir"):
        github_releases.upload_asset(hub, draft, wheel)
    (leftover,) = github_releases.list_assets(hub, draft)
    assert leftover.state == "starter"
    github_releases.delete_asset(hub, leftover)
    github_releases.delete_asset(hub, leftover)
    assert github_releases.upload_asset(hub, draft, wheel).state == "uploaded"


def test_a_complete_asset_is_never_deleted(hub: GitHub, draft: GithubRelease, wheel: Path) -> None:
    asset = github_releases.upload_asset(hub, draft, wheel)
    with pytest.raises(RefusedError, match="only leftovers in state 'starter' are deleted"):
        github_releases.delete_asset(hub, asset)
    assert github_releases.list_assets(hub, draft) == (asset,)


def test_a_draft_is_published(hub: GitHub, draft: GithubRelease, push_tag: Callable[[str], None]) -> None:
    push_tag(TAG)
    published = github_releases.publish_release(hub, draft)
    assert (published.id, published.draft, published.tag_name) == (draft.id, False, TAG)
    assert published.html_url.endswith(f"/octo/pkg/releases/tag/{TAG}")
    assert "untagged" in draft.html_url


def test_a_second_published_release_of_the_tag_is_refused(
    hub: GitHub, commit: str, draft: GithubRelease, push_tag: Callable[[str], None]
) -> None:
    push_tag(TAG)
    second = draft_of(hub, commit)
    github_releases.publish_release(hub, draft)
    with pytest.raises(RefusedError, match="Release tag_name already_exists"):
        github_releases.publish_release(hub, second)


def test_an_immutable_release_takes_no_more_assets(
    forge: Sandbox, hub: GitHub, draft: GithubRelease, wheel: Path, push_tag: Callable[[str], None]
) -> None:
    forge.set_immutable(True)
    push_tag(TAG)
    published = github_releases.publish_release(hub, draft)
    assert published.immutable
    with pytest.raises(RefusedError, match="Cannot upload assets to an immutable release"):
        github_releases.upload_asset(hub, published, wheel)


def test_a_commit_that_changes_workflows_needs_the_right_to(forge: Sandbox, hub: GitHub, side_commit: str) -> None:
    forge.grant(workflows="none")
    with pytest.raises(RefusedError, match="answered 404") as caught:
        draft_of(hub, side_commit)
    assert "changes .github/workflows/ and the token lacks workflows=write" in str(caught.value)


def test_notes_are_generated_and_prove_the_right_to_write(forge: Sandbox, hub: GitHub, commit: str) -> None:
    assert "Full Changelog" in github.generate_notes(hub, TAG, commit, "v1.0.0").body
    forge.grant(contents="read")
    with pytest.raises(RefusedError, match=r"needs a token that may write releases.*contents=write"):
        github.generate_notes(hub, TAG, commit)


@pytest.mark.parametrize(
    ("api_url", "upload_url"),
    [
        ("https://api.github.com", "https://uploads.github.com/repos/o/r/releases/1/assets"),
        ("https://api.corp.ghe.com", "https://uploads.corp.ghe.com/repos/o/r/releases/1/assets"),
        ("https://forge.test/api/v3", "https://forge.test/api/uploads/repos/o/r/releases/1/assets"),
        ("http://127.0.0.1:81/api/v3", "http://127.0.0.1:81/api/uploads/repos/o/r/releases/1/assets"),
    ],
)
def test_uploads_go_to_the_host_beside_the_api(api_url: str, upload_url: str) -> None:
    assert github_releases.upload_address(api_url, upload_url + "{?name,label}") == upload_url


@pytest.mark.parametrize(
    ("api_url", "upload_url"),
    [
        ("https://api.github.com", "https://uploads.github.com.evil.test/x"),
        ("https://api.github.com", "http://uploads.github.com/x"),
        ("https://api.github.com", "https://uploads.evil.test/x"),
        ("https://api.github.com", "https://uploads.github.com:8443/x"),
        ("https://api.github.com", "https://api.github.com@evil.test/x"),
        ("https://forge.test/api/v3", "https://uploads.forge.test/x"),
        ("http://127.0.0.1:81/api/v3", "http://127.0.0.1:82/x"),
        ("https://api.github.com", ""),
    ],
)
def test_the_token_goes_to_no_other_host(api_url: str, upload_url: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="nothing was sent there"):
        github_releases.upload_address(api_url, upload_url)
    release = GithubRelease(1, TAG, "main", True, False, "https://forge.test", upload_url)
    with pytest.raises(RefusedError, match="nothing was sent there"):
        github_releases.upload_asset(GitHub(api_url, "o/r", Token("ghp_x")), release, tmp_path / "none")


def test_deleting_says_what_state_the_asset_is_in() -> None:
    asset = Asset(1, "x.whl", "open", 1)
    with pytest.raises(RefusedError, match=r"Asset 'x.whl' is in state 'open'"):
        github_releases.delete_asset(GitHub("http://127.0.0.1:9", "o/r"), asset)
