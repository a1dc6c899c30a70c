"""GitHub releases and their assets as state: the rules of drafts, tags, digests and immutability.

Sources: https://docs.github.com/en/rest/releases/releases, https://docs.github.com/en/rest/releases/assets,
https://docs.github.com/en/code-security/supply-chain-security/understanding-your-software-supply-chain/immutable-releases
"""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path

from sandbox.context import Context
from sandbox.events import after_push, release_event
from sandbox.state import JSON, now, write_atomically


class ReleaseRefusedError(Exception):
    """GitHub answers 422; `errors` is the list in its body, `message` its sentence."""

    def __init__(self, message: str, errors: list[JSON] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors


class ReleaseNotFoundError(Exception):
    """GitHub answers 404: there is nothing, or the token may not do it."""


def _invalid(resource: str, code: str, field: str, message: str = "") -> ReleaseRefusedError:
    error = {"resource": resource, "code": code, "field": field}
    return ReleaseRefusedError("Validation Failed", [{**error, "message": message} if message else error])


def release_file(release_id: int) -> str:
    """The document of a release."""
    return f"github/releases/{release_id}.json"


def asset_path(context: Context, asset_id: int) -> Path:
    """Where the bytes of an asset are kept."""
    return context.state.folder / f"github/assets/{asset_id}"


def releases(context: Context) -> list[JSON]:
    """All releases, drafts included, oldest first."""
    return context.state.all("github/releases")


def find_release(context: Context, release_id: str) -> JSON:
    """The release of that number; raises ReleaseNotFoundError."""
    release = context.state.read(release_file(int(release_id))) if release_id.isdigit() else {}
    if not release:
        raise ReleaseNotFoundError
    return release


def _check_fields(context: Context, fields: JSON, release_id: int | None) -> None:
    tag = fields["tag_name"]
    if not isinstance(tag, str) or context.origin.run("check-ref-format", f"refs/tags/{tag}").returncode != 0:
        raise _invalid("Release", "custom", "tag_name", "tag_name is not a valid tag")
    if tag in context.repository.get("burned_tags", []) and not fields.get("immutable"):
        raise _invalid("Release", "custom", "tag_name", "tag_name was used by an immutable release")
    if fields["draft"]:
        return
    if any(r["tag_name"] == tag and not r["draft"] and r["id"] != release_id for r in releases(context)):
        raise _invalid("Release", "already_exists", "tag_name")


def _check_workflow_rights(context: Context, target: str) -> None:
    """404 when the target changes workflow files and the token may not (create-a-release, first note)."""
    commit = context.origin.find_commit(target)
    main = context.origin.commit_of(f"refs/heads/{context.default_branch}")
    if commit is None or main is None or context.permission("workflows") == "write":
        return
    if context.origin.changed_files(main, commit, ".github/workflows"):
        raise ReleaseNotFoundError


def create_release(context: Context, fields: JSON, *, by_workflow: bool = False) -> JSON:
    """Make a release; one that is no draft is published at once. Two drafts of one tag are accepted, as on GitHub."""
    defaults: JSON = {"target_commitish": context.default_branch, "draft": False, "prerelease": False, "body": ""}
    fields = {**defaults, **fields}
    wanted_draft = bool(fields["draft"])
    _check_fields(context, fields, None)
    _check_workflow_rights(context, str(fields["target_commitish"]))
    release: JSON = {
        "id": context.state.next_id("release"),
        "tag_name": fields["tag_name"],
        "target_commitish": fields["target_commitish"],
        "name": fields.get("name"),
        "body": fields["body"],
        "draft": True,
        "prerelease": bool(fields["prerelease"]),
        "immutable": False,
        "untagged": secrets.token_hex(10),
        "created_at": now(),
        "updated_at": now(),
        "published_at": None,
        "assets": [],
    }
    if not wanted_draft:
        _make_tag(context, release)
        release |= {"draft": False, "published_at": now()}
    context.state.write(release_file(release["id"]), release)
    if wanted_draft:
        return release
    return _after_publication(context, release, "created", by_workflow=by_workflow)


def _make_tag(context: Context, release: JSON) -> None:
    """Publication creates a lightweight tag where none is; that starts push workflows."""
    ref = f"refs/tags/{release['tag_name']}"
    if context.origin.commit_of(ref) is not None:
        return
    target = context.origin.find_commit(str(release["target_commitish"]))
    if target is None:
        raise _invalid("Release", "invalid", "target_commitish")
    before = context.origin.refs()
    context.origin.git("update-ref", ref, target, "0" * 40)
    context.state.record_change("github", "POST", ref, 201, f"created lightweight tag {release['tag_name']}")
    after_push(context, before, context.origin.refs())


def _after_publication(context: Context, release: JSON, *activities: str, by_workflow: bool) -> JSON:
    if context.repository.get("immutable"):
        release["immutable"] = True
        burned = [*context.repository.get("burned_tags", []), release["tag_name"]]
        context.update_repository(burned_tags=burned)
        context.state.write(release_file(release["id"]), release)
    if not by_workflow:
        kind = "prereleased" if release["prerelease"] else "released"
        release_event(context, release, *activities, "published", kind)
    return release


def publish_release(context: Context, release_id: int, *, by_workflow: bool = False) -> JSON:
    """Make a draft public; raises ReleaseRefusedError when the tag has a public release already."""
    release = context.state.read(release_file(release_id))
    _check_fields(context, {**release, "draft": False}, release_id)
    _check_workflow_rights(context, str(release["target_commitish"]))
    _make_tag(context, release)
    release |= {"draft": False, "published_at": now(), "updated_at": now()}
    context.state.write(release_file(release_id), release)
    return _after_publication(context, release, by_workflow=by_workflow)


def update_release(context: Context, release_id: str, fields: JSON) -> JSON:
    """Change a release; of an immutable one only name and body."""
    release = find_release(context, release_id)
    frozen = {key for key in ("tag_name", "target_commitish", "draft") if key in fields and fields[key] != release[key]}
    if release["immutable"] and frozen:
        raise _invalid("Release", "custom", sorted(frozen)[0], "Release is immutable and cannot be changed")
    publishes = release["draft"] and fields.get("draft") is False
    changed = {**release, **{key: value for key, value in fields.items() if key != "draft"}, "updated_at": now()}
    if not publishes:
        changed["draft"] = bool(fields.get("draft", release["draft"]))
    _check_fields(context, changed, release["id"])
    context.state.write(release_file(release["id"]), changed)
    return publish_release(context, release["id"]) if publishes else changed


def lose_tags(context: Context, removed: list[str]) -> None:
    """A public release whose tag was deleted becomes a draft again."""
    for release in releases(context):
        if not release["draft"] and f"refs/tags/{release['tag_name']}" in removed:
            context.state.write(release_file(release["id"]), {**release, "draft": True, "published_at": None})


def delete_release(context: Context, release_id: str) -> JSON:
    """Take a release away; its tag stays."""
    release = find_release(context, release_id)
    context.state.remove(release_file(release["id"]))
    return release


def asset_name(name: str) -> str:
    """The name that GitHub gives an asset: other characters than letters, digits, `._-` become `.`; no outer dots."""
    return re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]", ".", name)).strip(".") or "default"


def add_asset(context: Context, release_id: int, name: str, kind: str, content: bytes, label: str = "") -> JSON:
    """Attach a file; raises ReleaseRefusedError for a name that is taken or a release that is frozen."""
    release = context.state.read(release_file(release_id))
    if release["immutable"]:
        raise ReleaseRefusedError("Cannot upload assets to an immutable release.")
    name = asset_name(name)
    if name in [asset["name"] for asset in release["assets"]]:
        raise _invalid("ReleaseAsset", "already_exists", "name")
    asset: JSON = {
        "id": context.state.next_id("asset"),
        "name": name,
        "label": label,
        "state": "uploaded",
        "content_type": kind,
        "size": len(content),
        "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "created_at": now(),
        "updated_at": now(),
        "downloads": 0,
    }
    if context.faults.take({"starter-asset"}, "github", f"POST asset {name}"):
        asset |= {"state": "starter", "size": 0, "digest": None}
    write_atomically(asset_path(context, asset["id"]), content)
    release["assets"].append(asset)
    context.state.write(release_file(release_id), release)
    return asset


def find_asset(context: Context, asset_id: str) -> tuple[JSON, JSON]:
    """An asset and its release; raises ReleaseNotFoundError."""
    for release in releases(context):
        for asset in release["assets"]:
            if str(asset["id"]) == asset_id:
                return release, asset
    raise ReleaseNotFoundError


def change_asset(context: Context, asset_id: str, fields: JSON | None) -> JSON:
    """Rename an asset, or take it away when the fields are None."""
    release, asset = find_asset(context, asset_id)
    if release["immutable"]:
        raise ReleaseRefusedError("Cannot delete or change assets of an immutable release.")
    others = [other for other in release["assets"] if other["id"] != asset["id"]]
    changed = {**asset, **(fields or {}), "updated_at": now()}
    if fields is not None and changed["name"] in [other["name"] for other in others]:
        raise _invalid("ReleaseAsset", "already_exists", "name")
    release["assets"] = others if fields is None else [*others, changed]
    context.state.write(release_file(release["id"]), release)
    return changed
