"""How GitHub is asked: pages, conditional requests, and answers of a form that it never gives."""

from __future__ import annotations

from typing import Any

import pytest

from clients import github, github_actions, github_releases
from clients.github_api import Memory, observe
from lockgate.errors import RateLimitedError, RefusedError, UnavailableError
from lockgate.github import GitHub, Ruleset
from sandbox.world import Sandbox

BASE = "/repos/octo/pkg"
RELEASE = {
    "id": 1,
    "tag_name": "v1",
    "target_commitish": "main",
    "draft": True,
    "prerelease": False,
    "html_url": "https://forge.test",
    "upload_url": "https://forge.test{?name}",
    "name": None,
    "assets": [],
    "node_id": "more than is used",
}


def test_every_page_is_read(script: Any, scripted_hub: GitHub) -> None:
    following = f'<{script.url}/page/2?per_page=100>; rel="next"'
    script.answer(f"{BASE}/releases", [RELEASE, {**RELEASE, "tag_name": "v2"}], Link=following)
    script.answer("/page/2", [{**RELEASE, "id": 2}])
    found = github_releases.find_releases(scripted_hub, "v1")
    assert [release.id for release in found] == [1, 2]
    assert [path for path, _ in script.asked] == [f"{BASE}/releases?per_page=100", "/page/2?per_page=100"]


def test_a_next_page_elsewhere_is_not_asked(script: Any, scripted_hub: GitHub) -> None:
    script.answer(f"{BASE}/releases", [RELEASE], Link='<http://127.0.0.1:9/steal>; rel="next"')
    with pytest.raises(UnavailableError, match="a next page on the same host"):
        github_releases.find_releases(scripted_hub, "v1")


def test_pages_without_end_are_cut_off(script: Any, scripted_hub: GitHub) -> None:
    script.answer(f"{BASE}/releases", [], Link=f'<{script.url}{BASE}/releases>; rel="next"')
    with pytest.raises(UnavailableError, match="at most 100 pages"):
        github_releases.find_releases(scripted_hub, "v1")


def test_the_request_carries_token_version_and_agent(script: Any, scripted_hub: GitHub) -> None:
    github.observe_repository(scripted_hub)
    ((_, headers),) = script.asked
    assert headers["authorization"] == "Bearer ghp_marker"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["user-agent"] == "lockgate"


def test_without_a_token_there_is_no_such_header(script: Any) -> None:
    github.observe_repository(GitHub(script.url, "octo/pkg"))
    assert "authorization" not in script.asked[0][1]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html>Please log in</html>", "'<html>Please log in</html>'"),
        ({"message": "hello"}, "full_name: Field required"),
        ({"full_name": None, "default_branch": "main", "html_url": "x"}, "full_name: Input should be a valid string"),
        ([], "the fields of"),
    ],
)
def test_an_answer_of_another_form_is_an_outage(script: Any, scripted_hub: GitHub, body: object, words: str) -> None:
    script.answer(BASE, body)
    with pytest.raises(UnavailableError, match="While looking at the repository octo/pkg") as caught:
        github.observe_repository(scripted_hub)
    assert words in str(caught.value)


@pytest.mark.parametrize("body", [{"message": "x"}, {"workflow_runs": None}, {"workflow_runs": [{"id": 1}]}])
def test_a_list_of_another_form_is_an_outage(script: Any, scripted_hub: GitHub, body: object) -> None:
    script.answer(f"{BASE}/actions/workflows/publish.yml/runs", body)
    with pytest.raises(UnavailableError, match=r"listing the runs of 'publish.yml'"):
        github_actions.list_runs(scripted_hub, "publish.yml")


def test_a_plan_without_rulesets_has_none(script: Any, scripted_hub: GitHub) -> None:
    words = "Upgrade to GitHub Pro or make this repository public to enable this feature."
    script.answer(f"{BASE}/rulesets", {"message": words, "status": "403"}, 403)
    assert github.observe_rulesets(scripted_hub) == ()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_rulesets_that_may_not_be_seen_are_not_none(script: Any, scripted_hub: GitHub, status: int) -> None:
    script.answer(f"{BASE}/rulesets", {"message": "Resource not accessible by personal access token"}, status)
    assert github.observe_rulesets(scripted_hub) is None


def test_a_ruleset_that_is_listed_and_may_not_be_read_is_told(script: Any, scripted_hub: GitHub) -> None:
    script.answer(f"{BASE}/rulesets", [{"id": 7, "name": "tags", "enforcement": "active", "target": "tag"}])
    script.answer(f"{BASE}/rulesets/7", {"message": "Not Found"}, 404)
    assert github.observe_rulesets(scripted_hub) == (Ruleset(7, "tags", "active", rules=None),)


def test_a_rate_limit_is_not_taken_for_such_a_plan(script: Any, scripted_hub: GitHub) -> None:
    script.answer(f"{BASE}/rulesets", {"message": "You have exceeded a secondary rate limit."}, 403)
    with pytest.raises(RateLimitedError):
        github.observe_rulesets(scripted_hub)


def test_a_renamed_repository_is_told_and_not_followed(script: Any, scripted_hub: GitHub) -> None:
    script.answer(BASE, {"message": "Moved Permanently"}, 301, Location=f"{script.url}/repositories/1")
    with pytest.raises(RefusedError, match=r"answered 301 and points to '.*/repositories/1'.*renamed or moved"):
        github.observe_repository(scripted_hub)
    assert len(script.asked) == 1


def test_a_name_cannot_leave_its_place_in_the_address(script: Any, scripted_hub: GitHub) -> None:
    assert github.observe_environment(scripted_hub, "a/../../x?y") is None
    assert script.asked[0][0] == f"{BASE}/environments/a%2F..%2F..%2Fx%3Fy"


def test_a_conditional_request_gives_what_is_remembered(script: Any, scripted_hub: GitHub) -> None:
    memory: Memory = {}
    script.answer("/x", {"n": 1}, ETag='"one"')
    assert observe(scripted_hub, "/x", what="polling", memory=memory) == {"n": 1}
    script.answer("/x", "", 304)
    assert observe(scripted_hub, "/x", what="polling", memory=memory) == {"n": 1}
    script.answer("/x", {"n": 2}, ETag='"two"')
    assert observe(scripted_hub, "/x", what="polling", memory=memory) == {"n": 2}
    assert [headers.get("if-none-match") for _, headers in script.asked] == [None, '"one"', '"one"']


def test_a_304_that_was_not_asked_for_is_refused(script: Any, scripted_hub: GitHub) -> None:
    script.answer("/x", "", 304)
    with pytest.raises(RefusedError, match="answered 304"):
        observe(scripted_hub, "/x", what="polling", memory={})


def test_the_stand_in_answers_304_as_well(forge: Sandbox, hub: GitHub) -> None:
    memory: Memory = {}
    first = github_actions.list_runs(hub, "publish.yml", memory)
    assert github_actions.list_runs(hub, "publish.yml", memory) == first == ()
    assert len(memory) == 1
