"""Releases and their assets on GitHub: observed, and the single acts.

Nothing here looks before it acts or acts twice: the steps observe, decide by lockgate/releases.py, act, observe again.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from clients import github_api, http
from lockgate.errors import refused
from lockgate.github import Asset, GitHub, GithubRelease

# GitHub answers only when it has the whole file.
UPLOAD_TIMEOUT = httpx.Timeout(60.0, connect=15.0, read=300.0)
STARTER = "starter"
WORKFLOWS_ADVICE = (
    "which GitHub also refuses when the commit changes .github/workflows/ and the token lacks workflows=write"
)


def list_releases(hub: GitHub) -> tuple[GithubRelease, ...]:
    """Every release, the newest first; drafts only with push access.

    docs.github.com/en/rest/releases/releases#list-releases
    """
    what = f"listing the releases of {hub.slug}"
    entries = github_api.observe_pages(hub, github_api.path_of(hub, "releases"), what=what)
    return github_api.read_as(tuple[GithubRelease, ...], entries, what)


def find_releases(hub: GitHub, tag: str) -> tuple[GithubRelease, ...]:
    """Every release of this tag, drafts and published ones.

    Drafts are found only by listing all, and only with push access.
    docs.github.com/en/rest/releases/releases#list-releases
    """
    what = f"looking for releases of tag {tag!r}"
    entries = github_api.observe_pages(hub, github_api.path_of(hub, "releases"), what=what)
    releases = github_api.read_as(tuple[GithubRelease, ...], entries, what)
    return tuple(release for release in releases if release.tag_name == tag)


def read_release(hub: GitHub, release_id: int) -> GithubRelease | None:
    """One release by its number; None when it is not there (any more).

    docs.github.com/en/rest/releases/releases#get-a-release
    """
    what = f"reading release {release_id}"
    data = github_api.observe(hub, github_api.path_of(hub, "releases", release_id), what=what)
    return None if data is None else github_api.read_as(GithubRelease, data, what)


def create_draft(hub: GitHub, tag: str, commit: str, name: str, notes: str, *, prerelease: bool) -> GithubRelease:
    """Make a draft release; it is visible to nobody else and makes no tag.

    GitHub accepts a second draft for the same tag: look before, never repeat blindly. Raises RefusedError when the
    token may not, or when the commit's workflow files need the permission workflows=write (GitHub answers 404 then).
    docs.github.com/en/rest/releases/releases#create-a-release
    """
    body = {
        "tag_name": tag,
        "target_commitish": commit,
        "name": name,
        "body": notes,
        "draft": True,
        "prerelease": prerelease,
    }
    return _change(hub, "POST", ("releases",), f"creating a draft release for {tag!r}", 201, body)


def publish_release(hub: GitHub, release: GithubRelease) -> GithubRelease:
    """Make a draft public. Without the tag on origin GitHub would make a lightweight one: push the tag before.

    "legacy" lets version and date decide which release is the latest, so that a fix for an older line is not.
    Raises RefusedError with GitHub's words, such as for a tag name that an immutable release has used up.
    docs.github.com/en/rest/releases/releases#update-a-release
    """
    body = {"tag_name": release.tag_name, "draft": False, "make_latest": "legacy"}
    return _change(hub, "PATCH", ("releases", release.id), f"publishing the release of {release.tag_name!r}", 200, body)


def delete_draft(hub: GitHub, release: GithubRelease) -> None:
    """Delete a draft with its assets; one that is gone is fine. Refuses a release that is public, also since it was looked at.

    docs.github.com/en/rest/releases/releases#delete-a-release
    """
    seen = read_release(hub, release.id)
    if seen is None:
        return
    if not seen.draft:
        raise refused(f"the release {seen.html_url} is public", "a draft", "Lockgate deletes nothing that is public")
    path = github_api.path_of(hub, "releases", release.id)
    github_api.act(hub, "DELETE", path, what=f"deleting the draft of {release.tag_name!r}", expected={204, 404})


def list_assets(hub: GitHub, release: GithubRelease) -> tuple[Asset, ...]:
    """Every asset of a release: docs.github.com/en/rest/releases/assets#list-release-assets."""
    what = f"listing the assets of {release.tag_name!r}"
    path = github_api.path_of(hub, "releases", release.id, "assets")
    return github_api.read_as(tuple[Asset, ...], github_api.observe_pages(hub, path, what=what), what)


def upload_asset(hub: GitHub, release: GithubRelease, path: Path) -> Asset:
    """Upload one file under its own name, streamed.

    The token goes only to the API's own host or to GitHub's upload host beside it; another host in the answer raises
    RefusedError. So does a name that is there already, with GitHub's words.
    docs.github.com/en/rest/releases/assets#upload-a-release-asset
    """
    what = f"uploading {path.name} to the release of {release.tag_name!r}"
    url = upload_address(hub.api_url, release.upload_url)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    with github_api.opener(hub) as client, path.open("rb") as content:
        response = http.send(
            client,
            "POST",
            url,
            what=what,
            params={"name": path.name},
            content=content,
            headers={"Content-Type": kind, "Content-Length": str(path.stat().st_size)},
            timeout=UPLOAD_TIMEOUT,
            seconds=http.TRANSFER_SECONDS,
        )
    if response.status_code != httpx.codes.CREATED:
        http.translate(response, what)
    return github_api.read_as(Asset, http.read_json(response, what), what)


def delete_asset(hub: GitHub, asset: Asset) -> None:
    """Delete what a broken upload left behind; refuses every asset that is complete.

    "It can be safely deleted": docs.github.com/en/rest/releases/assets#upload-a-release-asset
    """
    if asset.state != STARTER:
        raise refused(
            f"Asset {asset.name!r} is in state {asset.state!r}",
            f"only leftovers in state {STARTER!r} are deleted",
            "delete it by hand on the release's page if it is really wrong",
        )
    path = github_api.path_of(hub, "releases", "assets", asset.id)
    github_api.act(hub, "DELETE", path, what=f"deleting the leftover {asset.name!r}", expected={204, 404})


def upload_address(api_url: str, upload_url: str) -> str:
    """The address for uploads without its template part; refuses a host that is not GitHub's beside this API.

    That is the API's own origin, or for https://api.HOST the origin https://uploads.HOST.
    """
    url = upload_url.partition("{")[0]
    api, upload = urlsplit(api_url), urlsplit(url)
    same_origin = (api.scheme, api.netloc) == (upload.scheme, upload.netloc)
    host = api.netloc.removeprefix("api.")
    beside = api.netloc != host and (upload.scheme, upload.netloc) == ("https", f"uploads.{host}")
    if not same_origin and not beside:
        raise refused(
            f"GitHub's answer names {upload.hostname!r} as the host for uploads",
            f"the API's host {api.hostname!r} or the upload host beside it",
            "nothing was sent there; check GITHUB_API_URL",
        )
    return url


def _change(
    hub: GitHub, method: str, parts: tuple[str | int, ...], what: str, expected: int, body: Mapping[str, Any]
) -> GithubRelease:
    path = github_api.path_of(hub, *parts)
    advice = dict.fromkeys((403, 404), WORKFLOWS_ADVICE)
    data = github_api.act(hub, method, path, what=what, expected={expected}, body=body, advice=advice)
    return github_api.read_as(GithubRelease, data, what)
