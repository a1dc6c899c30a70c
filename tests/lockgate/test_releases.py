"""Step 8: act, done, replace or refuse, by what is there on GitHub."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.artifacts import Artifact
from lockgate.errors import NotVisibleError, RefusedError
from lockgate.github import Asset, GithubRelease
from lockgate.publication import Differences
from lockgate.releases import (
    asset_problems,
    check_absence,
    check_assets,
    decide_asset,
    decide_draft,
    decide_publication,
    decide_tag,
    digests_in,
    find_asset,
    judge_assets,
    tag_message,
)

SHA, OTHER = "a" * 40, "b" * 40
WHEEL = Artifact("pkg-1.0-py3-none-any.whl", "d" * 64, 10, "wheel")
SDIST = Artifact("pkg-1.0.tar.gz", "e" * 64, 20, "sdist")
DRAFT = GithubRelease(1, "v1.0", SHA, True, False, "https://forge.test/untagged-1", "https://up.test{?name}")


def asset_of(artifact: Artifact, **changes: object) -> Asset:
    whole = Asset(1, artifact.name, "uploaded", artifact.size, f"sha256:{artifact.sha256}")
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_no_release_of_the_tag_means_act() -> None:
    assert decide_draft([], "v1.0") is None
    assert decide_draft([replace(DRAFT, tag_name="v1.0.1")], "v1.0") is None


@pytest.mark.parametrize(
    "release",
    [
        DRAFT,
        replace(DRAFT, target_commitish="main"),
        replace(DRAFT, draft=False),
        replace(DRAFT, draft=False, target_commitish=OTHER),
    ],
)
def test_the_one_release_is_taken(release: GithubRelease) -> None:
    assert decide_draft([release], "v1.0", SHA) is release


def test_two_releases_of_one_tag_are_refused_with_their_pages() -> None:
    second = replace(DRAFT, id=2, draft=False, html_url="https://forge.test/v1.0")
    with pytest.raises(RefusedError) as caught:
        decide_draft([DRAFT, second], "v1.0", SHA)
    assert "There are 2 releases for tag 'v1.0'" in str(caught.value)
    assert "https://forge.test/untagged-1 (draft), https://forge.test/v1.0 (published)" in str(caught.value)


def test_a_draft_for_another_commit_is_refused() -> None:
    with pytest.raises(
        RefusedError, match=f"was made for commit {SHA}. Expected: a draft for the release commit {OTHER}"
    ):
        decide_draft([DRAFT], "v1.0", OTHER)


@pytest.mark.parametrize(
    ("found", "decision"),
    [
        (None, "act"),
        (asset_of(WHEEL), "done"),
        (asset_of(WHEEL, state="starter", digest=None, size=0), "replace"),
        (asset_of(WHEEL, state="starter"), "replace"),
    ],
)
def test_an_asset_is_decided_by_state_and_digest(found: Asset | None, decision: str) -> None:
    assert decide_asset(WHEEL, found) == decision


@pytest.mark.parametrize(
    "found",
    [
        asset_of(WHEEL, digest="sha256:" + "0" * 64),
        asset_of(WHEEL, digest="sha512:" + WHEEL.sha256),
        asset_of(WHEEL, digest=None, size=11),
        asset_of(WHEEL, state="open"),
    ],
)
def test_an_asset_of_the_same_name_that_is_not_the_same_is_refused(found: Asset) -> None:
    with pytest.raises(RefusedError, match="find out who put it there"):
        decide_asset(WHEEL, found)


def test_an_asset_without_a_digest_is_not_believed() -> None:
    with pytest.raises(NotVisibleError, match="GitHub has not told its digest; look again"):
        decide_asset(WHEEL, asset_of(WHEEL, digest=None))


def test_find_asset_goes_by_name() -> None:
    assert find_asset(SDIST, [asset_of(WHEEL)]) is None
    assert find_asset(WHEEL, [asset_of(SDIST), asset_of(WHEEL)]) == asset_of(WHEEL)


def test_foreign_distributions_in_the_release_are_a_problem() -> None:
    foreign = [asset_of(WHEEL, name="pkg-1.0-cp311-cp311-linux_x86_64.whl"), asset_of(WHEEL, name="notes.txt")]
    (problem,) = check_assets([WHEEL], [asset_of(WHEEL), *foreign])
    assert problem.seen.endswith("not built by this release: pkg-1.0-cp311-cp311-linux_x86_64.whl")
    assert check_assets([WHEEL], [asset_of(WHEEL), foreign[1]]) == ()


def test_a_draft_becomes_public_only_with_every_artifact() -> None:
    complete = replace(DRAFT, assets=(asset_of(WHEEL), asset_of(SDIST)))
    assert decide_publication(complete, [WHEEL, SDIST]) == "act"
    assert decide_publication(replace(DRAFT, draft=False), [WHEEL]) == "done"
    with pytest.raises(RefusedError, match=r"has no complete asset 'pkg-1.0.tar.gz'"):
        decide_publication(replace(DRAFT, assets=(asset_of(WHEEL),)), [WHEEL, SDIST])
    leftover = replace(DRAFT, assets=(asset_of(WHEEL, state="starter"),))
    with pytest.raises(RefusedError, match="every artifact, before the release becomes public"):
        decide_publication(leftover, [WHEEL])


def test_a_tag_is_pushed_once_and_never_moved() -> None:
    assert decide_tag(None, SHA) == "act"
    assert decide_tag(SHA, SHA, tag_object=OTHER) == "done"
    with pytest.raises(RefusedError, match="lightweight tag"):
        decide_tag(SHA, SHA, "v1.0", tag_object=SHA)
    with pytest.raises(RefusedError, match=f"Tag 'v1.0' is at commit {OTHER} on origin.*moves no tag"):
        decide_tag(OTHER, SHA, "v1.0")


def judged(*assets: Asset, differences: Differences = "refuse") -> tuple[str, int]:
    """The verdict on a release with these assets, and how many problems it makes."""
    verdict = judge_assets([WHEEL, SDIST], assets, differences=differences)
    return verdict.kind, len(asset_problems(verdict, DRAFT))


OTHER_BYTES = asset_of(WHEEL, digest="sha256:" + "0" * 64)
NOTES = Asset(9, "notes.pdf", "uploaded", 5, "sha256:" + "1" * 64)
FOREIGN = Asset(8, "pkg-1.0-cp311-cp311-win_amd64.whl", "uploaded", 5, "sha256:" + "2" * 64)


@pytest.mark.parametrize(
    ("assets", "differences", "expected"),
    [
        ([asset_of(WHEEL), asset_of(SDIST), NOTES], "refuse", ("published", 0)),
        ([asset_of(WHEEL)], "refuse", ("not-visible", 1)),
        ([asset_of(WHEEL), asset_of(SDIST, state="starter", digest=None, size=0)], "refuse", ("not-visible", 1)),
        ([OTHER_BYTES, asset_of(SDIST)], "refuse", ("differs", 1)),
        ([OTHER_BYTES, asset_of(SDIST)], "report", ("published", 0)),
        ([OTHER_BYTES], "report", ("not-visible", 2)),
        ([asset_of(WHEEL), asset_of(SDIST), FOREIGN], "refuse", ("differs", 1)),
        ([asset_of(WHEEL), asset_of(SDIST), FOREIGN], "report", ("published", 0)),
    ],
)
def test_assets_are_compared_as_the_files_on_the_index_are(
    assets: list[Asset], differences: Differences, expected: tuple[str, int]
) -> None:
    assert judged(*assets, differences=differences) == expected


def test_an_asset_whose_digest_is_not_told_yet_is_waited_for() -> None:
    with pytest.raises(NotVisibleError, match="GitHub has not told its digest"):
        judged(asset_of(WHEEL, digest=None))


def test_a_release_that_a_workflow_is_to_make_must_not_be_there() -> None:
    assert check_absence(None, left_to="x.yml makes it") == check_absence(DRAFT, left_to="") == ()
    (problem,) = check_absence(DRAFT, left_to="x.yml makes it")
    assert (
        "There is a draft release of 'v1.0' already (https://forge.test/untagged-1), and x.yml makes it" in problem.seen
    )


def test_the_tags_message_names_every_artifact_and_is_read_back() -> None:
    message = tag_message("pkg 1.0", [SDIST, WHEEL])
    assert message.split("\n")[:2] == ["pkg 1.0", ""]
    assert digests_in(message) == {WHEEL.name: WHEEL.sha256, SDIST.name: SDIST.sha256}


@pytest.mark.parametrize(
    "line",
    [
        f"sha256 {'d' * 63} pkg-1.0.tar.gz", f"sha256 {'D' * 64} pkg-1.0.tar.gz", f"sha256 {'d' * 64} ../pkg-1.0.tar.gz",
        f"sha256 {'d' * 64} two words", f" sha256 {'d' * 64} pkg-1.0.tar.gz",
    ],
)  # fmt: skip
def test_a_line_of_another_form_is_no_digest(line: str) -> None:
    assert digests_in(f"pkg 1.0\n\n{line}") == {}
