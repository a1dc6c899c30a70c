"""Which version a release is of: what is asked for, what the repository says, what was begun before."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.errors import SettingsError
from lockgate.request import Request
from planning import record
from planning.opening import open_release
from planning.release import Release
from planning.survey import look_at_origin
from sandbox.world import Sandbox


def opened(sandbox: Sandbox, version: str, **request: str) -> Release:
    return open_release(Request(sandbox.origin_url, version, **request), os.environ)  # type: ignore[arg-type]


def begin(release: Release, *, tagged: bool = False) -> None:
    fixture = record.load(release, look_at_origin(release))
    record.save(release, replace(fixture, tag_pushed=tagged))


@pytest.mark.parametrize(
    ("asked", "version"),
    [("", "1.0.0"), ("patch", "1.0.1"), ("minor", "1.1.0"), ("major", "2.0.0"), ("rc", "1.0.1rc1"), ("v1.5", "1.5")],
)
def test_version_that_is_asked_for(sandbox: Sandbox, asked: str, version: str) -> None:
    release = opened(sandbox, asked)
    assert (str(release.version), release.tag) == (version, f"v{version}")


def test_an_unfinished_release_is_continued_by_the_same_words(sandbox: Sandbox) -> None:
    begin(opened(sandbox, "minor"))
    sandbox.commit_to_main("VERSION", "1.1.0\n", "Bump")
    assert str(opened(sandbox, "minor").version) == "1.1.0"
    assert str(opened(sandbox, "patch").version) == "1.0.1"


@pytest.mark.parametrize(("tagged", "version"), [(True, "1.0.0.post1"), (False, "1.1.0")])
def test_one_that_was_left_behind_is_continued_only_when_its_tag_is_out(
    sandbox: Sandbox, tagged: bool, version: str
) -> None:
    left = opened(sandbox, "minor")
    left.version, left.tag = type(left.version)("1.0.0.post1" if tagged else "0.9"), "v0.9"
    begin(left, tagged=tagged)
    assert str(opened(sandbox, "minor").version) == version


def test_what_the_repository_says_outweighs_an_older_unfinished_release(sandbox: Sandbox) -> None:
    sandbox.commit_to_main("VERSION", "1.0.1\n", "Bump")
    begin(opened(sandbox, ""))
    sandbox.commit_to_main("VERSION", "1.2.0\n", "Bump further")
    assert str(opened(sandbox, "").version) == "1.2.0"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"version": "one"}, "'one' is not a version"),
        ({"version": "1.0+local"}, "local version"),
        ({"version": "1.1", "branch": "nowhere"}, "origin has no branch 'nowhere'.*name one of: main"),
    ],
)
def test_what_cannot_be_released_is_a_matter_of_settings(
    sandbox: Sandbox, request_: dict[str, str], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        open_release(Request(sandbox.origin_url, **request_), os.environ)  # type: ignore[arg-type]


def test_folder_that_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(SettingsError, match=r"a folder that is no git repository.*give --repository"):
        open_release(Request(str(tmp_path / "plain")), os.environ)
