"""GitHub releases: drafts, tags, assets, immutability, permissions."""

from __future__ import annotations

import hashlib

import httpx
import pytest


def test_draft_is_invisible_by_tag_and_makes_no_tag(api):
    draft = api.release("v1.1.0")
    assert "/releases/tag/untagged-" in draft["html_url"]
    assert api.client.get("/releases/tags/v1.1.0").status_code == 404
    assert api.client.get("/git/ref/tags/v1.1.0").status_code == 404
    assert [release["id"] for release in api.client.get("/releases").json()] == [draft["id"]]


def test_drafts_are_for_those_who_may_push(world, api, anonymous):
    draft = api.release("v1.1.0", {"a.zip": b"a"})
    assert anonymous.client.get("/releases").json() == []
    assert anonymous.client.get(f"/releases/{draft['id']}").status_code == 404
    world.grant(contents="read")
    assert api.client.get("/releases").json() == []
    assert api.client.get(f"/releases/{draft['id']}/assets").status_code == 404


def test_two_drafts_of_one_tag_but_one_public_release(api):
    first, second = api.release("v1.0.0"), api.release("v1.0.0")
    assert api.client.patch(f"/releases/{first['id']}", json={"draft": False}).status_code == 200
    refused = api.client.patch(f"/releases/{second['id']}", json={"draft": False})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"resource": "Release", "code": "already_exists", "field": "tag_name"}]
    assert api.client.post("/releases", json={"tag_name": "v1.0.0"}).json() == refused.json()


def test_publication_changes_the_address_and_keeps_the_release(api):
    draft = api.release("v1.0.0")
    public = api.client.patch(f"/releases/{draft['id']}", json={"draft": False}).json()
    assert public["html_url"].endswith("/releases/tag/v1.0.0")
    assert public["published_at"]
    assert api.client.get("/releases/tags/v1.0.0").json()["id"] == draft["id"]


def test_publication_without_a_tag_makes_a_lightweight_one_and_starts_the_workflow(world, api):
    api.client.post("/releases", json={"tag_name": "v7.0.0", "target_commitish": "main"})
    world.wait_idle(30)
    assert api.client.get("/git/ref/tags/v7.0.0").json()["object"]["type"] == "commit"
    assert [(run["event"], run["head_branch"]) for run in api.runs()] == [("push", "v7.0.0")]


def test_unknown_target_is_refused(api):
    reply = api.client.post("/releases", json={"tag_name": "v7.0.0", "target_commitish": "nowhere"})
    assert reply.json()["errors"] == [{"resource": "Release", "code": "invalid", "field": "target_commitish"}]
    assert api.client.get("/releases").json() == []


def test_asset_has_digest_and_no_second_of_its_name(api):
    release = api.release("v1.1.0", {"a.zip": b"content"})
    asset = release["assets"][0]
    assert asset["digest"] == f"sha256:{hashlib.sha256(b'content').hexdigest()}"
    assert (asset["state"], asset["size"]) == ("uploaded", 7)
    again = api.upload(release, "a.zip", b"other")
    assert again.status_code == 422
    assert again.json()["errors"] == [{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}]
    assert api.client.delete(f"/releases/assets/{asset['id']}").status_code == 204
    assert api.upload(release, "a.zip", b"other").status_code == 201


@pytest.mark.parametrize(
    ("given", "kept"), [("a b+1.zip", "a.b.1.zip"), (".a.zip.", "a.zip"), ("a-1_0.whl", "a-1_0.whl")]
)
def test_asset_names_are_cleaned(api, given, kept):
    assert api.upload(api.release("v1.1.0"), given, b"a").json()["name"] == kept


def test_upload_goes_to_the_uploads_address_only(world, api):
    release = api.release("v1.1.0")
    assert "/api/uploads/" in release["upload_url"]
    assert api.client.post(f"/releases/{release['id']}/assets", params={"name": "a"}, content=b"a").status_code == 404
    assert len(world.problems) == 1
    (world.folder / "problems.jsonl").unlink()


def test_immutable_release_is_frozen_and_its_tag_burned(world, api, checkout):
    world.set_immutable(True)
    release = api.release("v1.1.0", {"a.zip": b"a"})
    checkout.tag("v1.1.0")
    public = api.client.patch(f"/releases/{release['id']}", json={"draft": False}).json()
    assert public["immutable"] is True
    assert api.upload(release, "b.zip", b"b").json()["message"] == "Cannot upload assets to an immutable release."
    assert api.client.delete(f"/releases/assets/{release['assets'][0]['id']}").status_code == 422
    assert api.client.patch(f"/releases/{release['id']}", json={"name": "New"}).json()["name"] == "New"
    assert api.client.patch(f"/releases/{release['id']}", json={"tag_name": "v2"}).status_code == 422
    assert "GH013" in checkout.push(":refs/tags/v1.1.0", check=False).stderr
    api.client.delete(f"/releases/{release['id']}")
    errors = api.client.post("/releases", json={"tag_name": "v1.1.0"}).json()["errors"]
    assert errors[0]["message"] == "tag_name was used by an immutable release"


def test_release_whose_tag_is_deleted_becomes_a_draft(api, checkout):
    release = api.release("v1.0.0")
    api.client.patch(f"/releases/{release['id']}", json={"draft": False})
    checkout.push(":refs/tags/v1.0.0")
    assert api.client.get(f"/releases/{release['id']}").json()["draft"] is True


def test_latest_is_the_newest_public_one_that_is_no_prerelease(api):
    api.client.post("/releases", json={"tag_name": "v1.0.0"})
    api.client.post("/releases", json={"tag_name": "v1.1.0rc1", "prerelease": True})
    api.release("v1.2.0")
    assert api.client.get("/releases/latest").json()["tag_name"] == "v1.0.0"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"tag_name": "v1", "draf": True}, "properties/draf"),
        ({"tag_name": "v1", "make_latest": True}, "make_latest"),
        ({"tag_name": "v1", "draft": "yes"}, "is not a boolean"),
        ({}, "wasn't supplied"),
        ({"tag_name": "a b"}, "Validation Failed"),
    ],
)
def test_bodies_that_are_refused(world, api, body, words):
    reply = api.client.post("/releases", json=body)
    assert reply.status_code == 422
    assert words in reply.json()["message"]
    assert len(world.problems) == ("draf" in body)
    (world.folder / "problems.jsonl").unlink(missing_ok=True)


def test_unknown_routes_and_parameters_are_problems(world, api):
    assert api.client.get("/nothing").status_code == 404
    assert api.client.get("/releases", params={"draft": "true"}).status_code == 422
    assert httpx.get(f"{world.github_url}/else").status_code == 404
    assert len(world.problems) == 3
    (world.folder / "problems.jsonl").unlink()


@pytest.mark.parametrize(
    ("granted", "method", "path", "needed"),
    [
        ({"contents": "read"}, "POST", "/releases", "contents=write"),
        ({"actions": "none"}, "GET", "/actions/runs", "actions=read"),
        ({"administration": "none"}, "GET", "/immutable-releases", "administration=read"),
        ({}, "GET", "/commits/main/check-runs", "checks=read"),
    ],
)
def test_missing_permission_names_what_the_endpoint_accepts(world, api, granted, method, path, needed):
    world.grant(**granted)
    reply = api.client.request(method, path)
    assert reply.status_code == 403
    assert reply.headers["x-accepted-github-permissions"] == needed
    assert reply.json()["message"] == "Resource not accessible by personal access token"


def test_release_of_a_commit_with_other_workflows_needs_the_workflows_right(world, api, checkout):
    world.grant(workflows="none")
    checkout.commit(".github/workflows/new.yml", "on: push\njobs: {a: {runs-on: x}}\n")
    checkout.push("HEAD:refs/heads/branch")
    assert api.client.post("/releases", json={"tag_name": "v9", "target_commitish": "branch"}).status_code == 404
    assert api.client.post("/releases", json={"tag_name": "v9", "target_commitish": "main"}).status_code == 201


def test_wrong_and_missing_tokens(world, anonymous):
    assert (
        httpx.get(f"{world.api_url}/user", headers={"authorization": "Bearer x"}).json()["message"] == "Bad credentials"
    )
    assert httpx.get(f"{world.api_url}/user").status_code == 401
    assert anonymous.client.post("/releases", json={"tag_name": "v1"}).status_code == 401
    world.set_private(True)
    assert anonymous.client.get("/releases").status_code == 404


def test_permissions_are_shown_to_who_is_known(world, api):
    address = f"{world.api_url}/repos/{world.slug}"
    known = httpx.get(address, headers={"authorization": f"Bearer {world.token}"}).json()
    assert known["permissions"]["push"] is True
    assert "permissions" not in httpx.get(address).json()


def test_pages_and_conditional_requests(api):
    for number in range(3):
        api.release(f"v{number}")
    first = api.client.get("/releases", params={"per_page": "2"})
    assert len(first.json()) == 2
    assert api.client.get(first.links["next"]["url"]).json()[0]["tag_name"] == "v0"
    again = api.client.get("/releases", params={"per_page": "2"}, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["x-ratelimit-remaining"]
    assert again.headers["x-github-request-id"]


def test_archived_repository_takes_nothing(world, api, checkout):
    world.set_archived(True)
    assert api.client.post("/releases", json={"tag_name": "v1"}).status_code == 403
    checkout.commit("a", "a")
    assert "403" in checkout.push(check=False).stderr


def test_renamed_repository_is_found_at_its_new_name(world, api):
    world.set_former_name("example/old-name")
    reply = httpx.get(f"{world.api_url}/repos/example/old-name/releases")
    assert (reply.status_code, reply.json()["message"]) == (301, "Moved Permanently")
    assert reply.headers["location"] == f"{world.api_url}/repos/{world.slug}/releases"
    assert httpx.get(f"{world.api_url}/repos/example/another/releases").status_code == 404


def test_rate_limit_is_told(world, api):
    world.set_rate_limit(7)
    assert api.client.get("/releases").headers["x-ratelimit-remaining"] == "7"
    core = httpx.get(f"{world.api_url}/rate_limit", headers={"authorization": f"Bearer {world.token}"}).json()[
        "resources"
    ]["core"]
    assert (core["remaining"], core["limit"]) == (7, 5000)
