"""Step 8's rules: what is there already of the release on GitHub, and whether to act, to go on, or to refuse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from lockgate.artifacts import Artifact
from lockgate.errors import NotVisibleError, Problem, refused
from lockgate.github import Asset, GithubRelease
from lockgate.publication import Differences, IndexFile, Verdict, judge_publication

_SHA = re.compile(r"[0-9a-f]{40}")
_DIGEST_LINE = re.compile(r"sha256 ([0-9a-f]{64}) ([A-Za-z0-9._+-]{1,255})")
PUBLISHABLE = (".whl", ".tar.gz", ".zip", ".egg")
COMPLETE = "uploaded"
LEFTOVER = "starter"


def decide_draft(found: Sequence[GithubRelease], tag: str, commit: str = "") -> GithubRelease | None:
    """The one release of a tag, draft or already published; None: make it.

    Refuses more than one (GitHub accepts several drafts for one tag), and one that was made for another commit.
    """
    ours = [release for release in found if release.tag_name == tag]
    if len(ours) > 1:
        places = ", ".join(f"{release.html_url} ({_state(release)})" for release in ours)
        raise refused(
            f"There are {len(ours)} releases for tag {tag!r}: {places}",
            "one at most",
            "look at them, delete those that are wrong on GitHub, then run again",
        )
    if not ours:
        return None
    aimed = ours[0].target_commitish
    if ours[0].draft and commit and _SHA.fullmatch(aimed) and aimed != commit:
        raise refused(
            f"The draft release {ours[0].html_url} was made for commit {aimed}",
            f"a draft for the release commit {commit}",
            "if that attempt was given up, delete the draft on GitHub and run again",
        )
    return ours[0]


def drafts_for(found: Sequence[GithubRelease], tag: str, commit: str) -> tuple[GithubRelease, ...]:
    """The drafts of a tag that were made for this very commit, and so by a release of ours."""
    return tuple(one for one in found if one.draft and one.tag_name == tag and one.target_commitish == commit != "")


def check_absence(found: GithubRelease | None, *, left_to: str) -> tuple[Problem, ...]:
    """A release that is there before the tag although a workflow is to make it: there would be two. `left_to` says who."""
    if found is None or not left_to:
        return ()
    return (
        Problem(
            f"There is a {_state(found)} release of {found.tag_name!r} already ({found.html_url}), and {left_to}",
            "no release of the tag before that workflow runs",
            "delete it on GitHub, or take the creation out of the workflow",
        ),
    )


def tag_message(label: str, artifacts: Sequence[Artifact]) -> str:
    """The message of a release's tag: its name, and a line `sha256 DIGEST NAME` for each artifact that was built and tested.

    A publish workflow can compare the files that it downloads with these lines: the tag cannot be exchanged, assets can.
    """
    lines = [f"sha256 {one.sha256} {one.name}" for one in sorted(artifacts, key=lambda one: one.name)]
    return "\n".join([label, *([""] if lines else []), *lines])


def digests_in(message: str) -> dict[str, str]:
    """The sha256 of each file that a tag's message names, by the file's name; other lines are passed over."""
    return {found[2]: found[1] for line in message.split("\n") if (found := _DIGEST_LINE.fullmatch(line))}


def decide_asset(artifact: Artifact, found: Asset | None) -> Literal["act", "done", "replace"]:
    """Whether to upload an artifact, by its digest: a name alone proves nothing.

    "replace" is for what a broken upload left behind. Refuses another digest; an asset whose digest GitHub does not
    tell (yet) is NotVisibleError.
    """
    if found is None:
        return "act"
    if found.state == LEFTOVER:
        return "replace"
    if found.digest == f"sha256:{artifact.sha256}" and found.state == COMPLETE:
        return "done"
    if found.digest is None and found.size == artifact.size:
        raise NotVisibleError(_untold(artifact, found))
    follow = "find out who put it there; delete it on GitHub if it is wrong, then run again"
    raise refused(*_compared(artifact, found), follow)


def find_asset(artifact: Artifact, found: Sequence[Asset]) -> Asset | None:
    """The asset of this artifact's name; None when there is none."""
    return next((asset for asset in found if asset.name == artifact.name), None)


def check_assets(artifacts: Sequence[Artifact], found: Sequence[Asset]) -> tuple[Problem, ...]:
    """Distributions in the release that were not built here: a workflow that uploads its assets would publish them."""
    names = {artifact.name for artifact in artifacts}
    foreign = sorted(asset.name for asset in found if asset.name.endswith(PUBLISHABLE) and asset.name not in names)
    if not foreign:
        return ()
    return (
        Problem(
            f"The release holds distributions that were not built by this release: {', '.join(foreign)}",
            f"no others than {', '.join(sorted(names))}",
            "delete them on GitHub if they are leftovers, then run again",
        ),
    )


def judge_assets(artifacts: Sequence[Artifact], found: Sequence[Asset], *, differences: Differences) -> Verdict:
    """Compare the release's distributions with the built ones, by the rule that the files on the index are compared by.

    What a broken upload left counts as missing. Raises NotVisibleError for one of the right size whose digest GitHub does not
    tell (yet).
    """
    listed = [asset for asset in found if asset.name.endswith(PUBLISHABLE) and asset.state != LEFTOVER]
    built = {artifact.name: artifact for artifact in artifacts}
    for asset in listed:
        artifact = built.get(asset.name)
        if artifact is not None and asset.digest is None and asset.size == artifact.size:
            raise NotVisibleError(_untold(artifact, asset))
    shown = [
        IndexFile(asset.name, (asset.digest or "").removeprefix("sha256:"), asset.size, asset.browser_download_url)
        for asset in listed
    ]
    return judge_publication(artifacts, shown, differences=differences)


def asset_problems(verdict: Verdict, release: GithubRelease) -> tuple[Problem, ...]:
    """What is wrong with a release whose assets are not the built ones; empty when they are, or are only reported."""
    if verdict.kind == "published":
        return ()
    return tuple(
        Problem(
            f"The release {release.html_url} has {file.name} as {file.found}",
            f"the built file: {file.built}" if file.built != "-" else "no distributions but the built ones",
            "find out who put it there; delete it on GitHub and run again (the built file is uploaded then), or, if a"
            ' workflow builds anew on purpose, set `rebuilt = "report"`',
        )
        for file in verdict.files
        if file.state != "same"
    )


def decide_publication(release: GithubRelease, artifacts: Sequence[Artifact]) -> Literal["act", "done"]:
    """Whether to make a draft public. Refuses a draft whose assets are not exactly the artifacts that were built."""
    if not release.draft:
        return "done"
    for artifact in artifacts:
        if decide_asset(artifact, find_asset(artifact, release.assets)) != "done":
            raise refused(
                f"The draft for {release.tag_name!r} has no complete asset {artifact.name!r}",
                "every artifact, before the release becomes public",
                "run again: the missing asset is uploaded first",
            )
    return "act"


def decide_tag(found: str | None, wanted: str, tag: str = "", *, tag_object: str = "") -> Literal["act", "done"]:
    """Whether to push the tag: `found` is the commit that origin's tag points at, None without one.

    Refuses a tag at another commit: tags are never moved. Refuses a lightweight one, whose `tag_object` is the commit itself.
    """
    if found is None:
        return "act"
    if found == wanted and tag_object == found:
        raise refused(
            f"Tag {tag!r} is on origin at the release commit, but is a lightweight tag, which Lockgate does not make",
            "an annotated tag, or no such tag yet",
            "find out who made it; if nothing was published from it, delete it on origin and start again",
        )
    if found == wanted:
        return "done"
    raise refused(
        f"Tag {tag!r} is at commit {found} on origin",
        f"the release commit {wanted}, or no such tag yet",
        "take another version; Lockgate moves no tag. If nothing was published from it, you may delete it on origin",
    )


def _compared(artifact: Artifact, found: Asset) -> tuple[str, str]:
    seen = f"The release has an asset {found.name!r}: state {found.state}, {found.size} bytes, {found.digest}"
    return seen, f"{artifact.size} bytes, sha256:{artifact.sha256}, as it was built and tested"


def _untold(artifact: Artifact, found: Asset) -> Problem:
    follow = "GitHub has not told its digest; look again. If that stays, delete the asset on GitHub and run again"
    return Problem(*_compared(artifact, found), follow)


def _state(release: GithubRelease) -> str:
    return "draft" if release.draft else "published"
