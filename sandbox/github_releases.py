"""REST endpoints of releases and their assets."""

from __future__ import annotations

from sandbox import github_views as views
from sandbox.context import Context
from sandbox.github_api import error, invalid, is_authenticated, not_found, page_of, route
from sandbox.release_store import (
    add_asset,
    asset_path,
    change_asset,
    create_release,
    delete_release,
    find_asset,
    find_release,
    releases,
    update_release,
)
from sandbox.serving import Call, Reply, json_reply
from sandbox.state import JSON
from sandbox.storage import signed_link

FIELDS = ("tag_name", "target_commitish", "name", "body", "draft", "prerelease", "make_latest")
CREATE_FIELDS = (*FIELDS, "discussion_category_name", "generate_release_notes")
LATEST = ("true", "false", "legacy")
STORED = ("tag_name", "target_commitish", "name", "body", "draft", "prerelease")


def _sees_drafts(context: Context, call: Call) -> bool:
    return is_authenticated(call) and context.permission("contents") == "write"


def _visible(context: Context, call: Call) -> list[JSON]:
    drafts = _sees_drafts(context, call)
    return [release for release in reversed(releases(context)) if drafts or not release["draft"]]


def _fields(call: Call) -> JSON:
    """The stored fields of a body; 422 for a value of the wrong type."""
    body = call.json()
    if str(body.get("make_latest", "true")) not in LATEST or isinstance(body.get("make_latest"), bool):
        raise invalid('Invalid request.\n\nFor \'properties/make_latest\', it must be "true", "false" or "legacy".')
    for key in ("draft", "prerelease"):
        if key in body and not isinstance(body[key], bool):
            raise invalid(f"Invalid request.\n\nFor 'properties/{key}', {body[key]!r} is not a boolean.")
    return {key: value for key, value in body.items() if key in STORED and value is not None}


@route("GET", "/releases", needs="contents=read")
def list_releases(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/releases#list-releases (drafts only for who may push)."""
    return page_of(context, call, [views.release(context, release) for release in _visible(context, call)])


@route("POST", "/releases", needs="contents=write", body=CREATE_FIELDS)
def post_release(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/releases#create-a-release."""
    fields = _fields(call)
    if "tag_name" not in fields:
        raise invalid('Invalid request.\n\n"tag_name" wasn\'t supplied.')
    if call.json().get("generate_release_notes"):
        fields["body"] = fields.get("body", "") + _notes(context, fields)["body"]
    release = create_release(context, fields)
    body = views.release(context, release)
    kind = "draft release" if release["draft"] else "release"
    return json_reply(body, 201, headers={"location": body["url"]}, changed=f"created {kind} {release['tag_name']}")


@route("POST", "/releases/generate-notes", needs="contents=write", body=(
    "tag_name", "target_commitish", "previous_tag_name", "configuration_file_path"))  # fmt: skip
def generate_notes(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/releases#generate-release-notes-content-for-a-release."""
    if "tag_name" not in call.json():
        raise invalid('Invalid request.\n\n"tag_name" wasn\'t supplied.')
    return json_reply(_notes(context, call.json()))


def _notes(context: Context, fields: JSON) -> JSON:
    tag, previous = str(fields["tag_name"]), fields.get("previous_tag_name")
    span = f"compare/{previous}...{tag}" if previous else f"commits/{tag}"
    return {"name": tag, "body": f"**Full Changelog**: {context.web}/{context.slug}/{span}"}


@route("GET", "/releases/latest", needs="contents=read")
def latest_release(context: Context, _: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/releases#get-the-latest-release (newest by its commit's time)."""
    public = [views.release(context, r) for r in releases(context) if not r["draft"] and not r["prerelease"]]
    if not public:
        raise not_found("/releases/releases#get-the-latest-release")
    return json_reply(max(public, key=lambda release: (release["created_at"], release["id"])))


@route("GET", "/releases/tags/{tag:path}", needs="contents=read")
def release_by_tag(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/releases#get-a-release-by-tag-name (published ones only)."""
    found = [r for r in releases(context) if r["tag_name"] == call.params["tag"] and not r["draft"]]
    if not found:
        raise not_found("/releases/releases#get-a-release-by-tag-name")
    return json_reply(views.release(context, found[-1]))


@route("GET", "/releases/assets/{asset_id}", needs="contents=read")
def get_asset(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/assets#get-a-release-asset (the bytes are behind a redirect)."""
    release, asset = find_asset(context, call.params["asset_id"])
    if release["draft"] and not _sees_drafts(context, call):
        raise not_found()
    if "application/octet-stream" in call.headers.get("accept", ""):
        path = asset_path(context, asset["id"])
        return Reply(302, headers={"location": signed_link(context, path, asset["name"])})
    return json_reply(views.asset(context, asset, _tag(release)))


def _tag(release: JSON) -> str:
    return f"untagged-{release['untagged']}" if release["draft"] else str(release["tag_name"])


@route("PATCH", "/releases/assets/{asset_id}", needs="contents=write", body=("name", "label", "state"))
def patch_asset(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/assets#update-a-release-asset."""
    release, _ = find_asset(context, call.params["asset_id"])
    asset = change_asset(context, call.params["asset_id"], call.json())
    return json_reply(views.asset(context, asset, _tag(release)), changed=f"changed asset {asset['name']}")


@route("DELETE", "/releases/assets/{asset_id}", needs="contents=write")
def delete_asset(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/assets#delete-a-release-asset."""
    asset = change_asset(context, call.params["asset_id"], None)
    return Reply(204, changed=f"deleted asset {asset['name']}")


@route("GET", "/releases/{release_id}", needs="contents=read")
def get_release(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/releases#get-a-release."""
    release = find_release(context, call.params["release_id"])
    if release["draft"] and not _sees_drafts(context, call):
        raise not_found()
    return json_reply(views.release(context, release))


@route("PATCH", "/releases/{release_id}", needs="contents=write", body=(*FIELDS, "discussion_category_name"))
def patch_release(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/releases#update-a-release."""
    before = find_release(context, call.params["release_id"])
    release = update_release(context, call.params["release_id"], _fields(call))
    verb = "published release" if before["draft"] and not release["draft"] else "changed release"
    return json_reply(views.release(context, release), changed=f"{verb} {release['tag_name']}")


@route("DELETE", "/releases/{release_id}", needs="contents=write")
def remove_release(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/releases#delete-a-release."""
    release = delete_release(context, call.params["release_id"])
    return Reply(204, changed=f"deleted release {release['tag_name']}")


@route("GET", "/releases/{release_id}/assets", needs="contents=read")
def list_assets(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/assets#list-release-assets."""
    release = find_release(context, call.params["release_id"])
    if release["draft"] and not _sees_drafts(context, call):
        raise not_found()
    return page_of(context, call, [views.asset(context, asset, _tag(release)) for asset in release["assets"]])


@route("POST", "/releases/{release_id}/assets", needs="contents=write", query=("name", "label"), raw=True)
def upload_asset(context: Context, call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/assets#upload-a-release-asset (on the uploads host)."""
    release = find_release(context, call.params["release_id"])
    if not call.query.get("name"):
        raise invalid("Validation Failed", [{"resource": "ReleaseAsset", "code": "missing_field", "field": "name"}])
    if "content-type" not in call.headers:
        raise error(400, "Content-Type header is required")
    if not call.body:
        raise error(400, "Bad Content-Length: 0")
    name, label = call.query["name"], call.query.get("label", "")
    asset = add_asset(context, release["id"], name, call.headers["content-type"], call.body, label)
    if asset["state"] == "starter":
        reply = error(502, "Error creating asset temp dir").reply
        return Reply(reply.status, reply.body, reply.headers, f"left starter asset {asset['name']}")
    return json_reply(views.asset(context, asset, _tag(release)), 201, changed=f"uploaded asset {asset['name']}")
