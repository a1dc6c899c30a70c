"""The sentinel's rules: one story told in five places, and every way in which one of them can differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from packaging.version import Version

from lockgate.artifacts import Artifact
from lockgate.fixture import Fixture, StepTime
from lockgate.github import Asset, GithubRelease
from lockgate.publication import IndexFile, IndexProject
from lockgate.sentinel import Everywhere, compare, in_order, watched_versions

V = Version("1.1.0")
COMMIT = "c" * 40
WHEEL, SDIST = "demo-1.1.0-py3-none-any.whl", "demo-1.1.0.tar.gz"
DIGESTS = {WHEEL: "a" * 64, SDIST: "b" * 64}
DONE = tuple(StepTime(key, "x", "y") for key in ("version", "export", "wait", "record", "logs"))
FIXTURE = Fixture(
    "demo", "1.1.0", "o/demo", "main", "v1.1.0", "lockgate", release_commit=COMMIT, tag_pushed=True,
    artifacts=tuple(Artifact(name, digest, 1, "wheel") for name, digest in DIGESTS.items()),
    urls={"release": "http://hub/releases/v1.1.0"}, index_files=DIGESTS, steps=DONE,
)  # fmt: skip
ASSETS = tuple(
    Asset(number, name, "uploaded", 1, f"sha256:{digest}") for number, (name, digest) in enumerate(DIGESTS.items())
)
RELEASE = GithubRelease(1, "v1.1.0", COMMIT, False, False, "http://hub/releases/v1.1.0", "", assets=ASSETS)
FILES = tuple(IndexFile(name, digest, 1, "", uploaded="2026-11-20T12:00:00Z") for name, digest in DIGESTS.items())
INDEX = IndexProject("demo", (V,), FILES, "active", "")
STORY = Everywhere(
    "demo", "main", "v{version}", stated=V, tags={V: "v1.1.0"}, commits={V: COMMIT}, merged=V, releases=(RELEASE,),
    index=INDEX, fixtures={V: FIXTURE},
)  # fmt: skip


def files(*names: str) -> IndexProject:
    """The index with these files only."""
    return replace(INDEX, files=tuple(IndexFile(name, DIGESTS.get(name, "d" * 64), 1, "") for name in names))


def fixture(**changes: Any) -> dict[Version, Fixture]:
    """The fixture with changes."""
    return {V: replace(FIXTURE, **changes)}


def assets(*found: Asset) -> tuple[GithubRelease, ...]:
    """The release with these assets."""
    return (replace(RELEASE, assets=found),)


def test_one_story_is_one_line() -> None:
    assert compare(STORY) == ()
    assert in_order(STORY) == "demo: 1.1.0 agree on main, tags, GitHub releases, index and fixtures"


@pytest.mark.parametrize(
    ("changes", "seen", "repair"),
    [
        ({"stated": Version("1.0.0")}, "'main' says version 1.0.0, and v1.1.0 is in it", "revert it"),
        ({"index": replace(INDEX, status="archived")}, "the index calls demo archived", "settle it on the index"),
        ({"unreadable": {"releases/1.0.json": "no JSON"}}, "releases/1.0.json: no JSON", "repository's history"),
        ({"tags": {}, "commits": {}}, "v1.1.0 was pushed and origin has no such tag", f"git push origin {COMMIT}:refs/tags/v1.1.0"),
        ({"commits": {V: "e" * 40}}, "v1.1.0 is at eeeeeeeeeeee on origin", "find out who moved the tag"),
        ({"lost": frozenset({V})}, "the release commit cccccccccccc of 1.1.0 is not in 'main'", "merge v1.1.0"),
        ({"index": files(WHEEL)}, f"the index lacks {SDIST}", "a deleted name can never be used again"),
        ({"index": None}, f"the index lacks {WHEEL}, {SDIST}", "release another version"),
        ({"index": files(WHEEL, SDIST, "demo-1.1.0-cp311-cp311-win32.whl")}, "which the release did not make", "who uploaded it"),
        ({"fixtures": fixture(index_files=DIGESTS | {SDIST: "f" * 64})}, f"the index has {SDIST} with sha256 bbbbbbbbbbbb", "yank"),
        ({"releases": ()}, "GitHub has no release of v1.1.0", "make it again from the tag"),
        ({"releases": (RELEASE, RELEASE)}, "GitHub has 2 releases of v1.1.0", "delete the other ones"),
        ({"releases": (replace(RELEASE, draft=True),)}, "is a draft, and 1.1.0 is on the index", "publish it: http://hub"),
        ({"releases": assets(ASSETS[0])}, f"the GitHub release of v1.1.0 lacks {SDIST}", "upload the file that the index has"),
        ({"releases": assets(ASSETS[0], replace(ASSETS[1], digest="sha256:" + "0" * 64))}, f"the asset {SDIST}", "replaced it"),
        ({"fixtures": fixture(steps=DONE[:2])}, "its fixture ends at 'export'", "lockgate release 1.1.0"),
    ],
)  # fmt: skip
def test_each_difference_is_found_alone_and_proposes_a_repair(changes: dict[str, Any], seen: str, repair: str) -> None:
    (found,) = compare(replace(STORY, **changes))
    assert seen in found.problem.seen
    assert repair in found.problem.next


def test_a_half_upload_names_its_last_day() -> None:
    """The release is not finished either, so that there are two differences."""
    half = replace(INDEX, files=FILES[:1])
    found = compare(replace(STORY, index=half, fixtures=fixture(index_files={}, steps=DONE[:2])))
    assert (
        found[0].problem.next == "start it again: lockgate release 1.1.0; the index takes it until 2026-12-04 12:00 UTC"
    )
    assert len(found) == 2


def test_bytes_that_a_workflow_built_anew_are_fine_on_both_sides() -> None:
    """The index has others than the built ones, as the fixture recorded; the assets may be either."""
    rebuilt = {name: digest[::-1].replace("a", "1") for name, digest in DIGESTS.items()}
    index = replace(INDEX, files=tuple(IndexFile(name, digest, 1, "") for name, digest in rebuilt.items()))
    own = tuple(Asset(1, name, "uploaded", 1, f"sha256:{digest}") for name, digest in rebuilt.items())
    for shown in (assets(*ASSETS), assets(*own)):
        assert compare(replace(STORY, index=index, fixtures=fixture(index_files=rebuilt), releases=shown)) == ()


@pytest.mark.parametrize(
    ("tags", "on_index", "seen"),
    [
        ({Version("1.2.0"): "v1.2.0"}, (), "origin has v1.2.0, and the index has no 1.2.0"),
        ({}, ("demo-1.2.0.tar.gz",), "the index has 1.2.0, and origin has no tag of it"),
        (
            {Version("1.2.0"): "v1.2.0"},
            ("demo-1.2.0.tar.gz",),
            "1.2.0 has a tag and is on the index, and has no fixture",
        ),
    ],
)
def test_a_release_made_past_lockgate_is_noticed(
    tags: dict[Version, str], on_index: tuple[str, ...], seen: str
) -> None:
    versions = (V, Version("1.2.0")) if on_index else (V,)
    more = tuple(IndexFile(name, "d" * 64, 1, "") for name in on_index)
    index = replace(INDEX, versions=versions, files=FILES + more)
    (found,) = compare(replace(STORY, tags={**STORY.tags, **tags}, index=index))
    assert found.problem.seen == seen


def test_a_release_that_is_being_prepared_is_no_difference() -> None:
    """Its fixture is on main, its tag is not out."""
    begun = Fixture("demo", "1.2.0", "o/demo", "main", "v1.2.0", "lockgate", release_commit="d" * 40)
    assert compare(replace(STORY, fixtures={**STORY.fixtures, Version("1.2.0"): begun})) == ()


def test_what_was_before_lockgate_is_not_compared_unless_asked() -> None:
    old = replace(STORY, tags={Version("0.9"): "v0.9", **STORY.tags})
    assert watched_versions(old, "") == (V,)
    assert compare(old) == ()
    assert watched_versions(old, "0.9") == (V, Version("0.9"))
    assert [one.version for one in compare(old, "0.9")] == ["0.9"]


def test_without_any_fixture_the_newest_release_is_compared() -> None:
    old = replace(STORY, fixtures={}, tags={Version("0.9"): "v0.9", **STORY.tags})
    assert watched_versions(old, "") == (V,)
    assert compare(old) == ()


def test_a_project_without_releases_is_in_order() -> None:
    new = Everywhere("demo", "main", "v{version}", stated=Version("0.1"))
    assert (compare(new), in_order(new)) == ((), "demo: nothing is released yet")
