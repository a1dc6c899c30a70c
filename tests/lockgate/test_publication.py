"""The rule that tells "not visible yet", "wrong bytes" and "published" apart."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from packaging.tags import Tag
from packaging.version import Version

from lockgate.publication import (
    IndexFile,
    IndexProject,
    file_version,
    has_version,
    installable_wheel,
    judge_publication,
    judge_visibility,
    publication_problems,
    rebuilt_rule,
    version_files,
)


@dataclass(frozen=True)
class Built:
    name: str
    sha256: str
    size: int


WHEEL = Built("sample-1.0-py3-none-any.whl", "a" * 64, 10)
SDIST = Built("sample-1.0.tar.gz", "b" * 64, 20)
BUILT = (SDIST, WHEEL)


def on_index(built: Built, **changes: object) -> IndexFile:
    values = {"name": built.name, "sha256": built.sha256, "size": built.size, "url": "http://index/" + built.name}
    return IndexFile(**{**values, **changes})  # type: ignore[arg-type]


SAME = (on_index(WHEEL), on_index(SDIST))
EXTRA = IndexFile("sample-1.0-cp311-cp311-linux_x86_64.whl", "c" * 64, 5, "http://index/x")


@pytest.mark.parametrize(
    ("found", "kind", "states"),
    [
        (SAME, "published", {"same"}),
        ((), "not-visible", {"missing"}),
        (SAME[:1], "not-visible", {"same", "missing"}),
        ((on_index(WHEEL, sha256="f" * 64), on_index(SDIST)), "differs", {"other bytes", "same"}),
        ((on_index(WHEEL, sha256="f" * 64),), "differs", {"other bytes", "missing"}),
        ((on_index(WHEEL, size=11), on_index(SDIST)), "differs", {"other bytes", "same"}),
        ((on_index(WHEEL, size=None), on_index(SDIST)), "published", {"same"}),
        ((on_index(WHEEL, sha256=""), on_index(SDIST)), "differs", {"no digest", "same"}),
        ((*SAME, EXTRA), "differs", {"same", "not built"}),
        ((on_index(WHEEL, yanked=True), on_index(SDIST)), "published", {"same"}),
    ],
)
def test_verdict_by_name_size_and_digest(found: tuple[IndexFile, ...], kind: str, states: set[str]) -> None:
    verdict = judge_publication(BUILT, found)
    assert verdict.kind == kind
    assert {file.state for file in verdict.files} == states


def test_nothing_built_is_never_published() -> None:
    assert judge_publication((), ()).kind == "not-visible"


def test_reported_differences_publish_but_are_not_identical() -> None:
    found = (on_index(WHEEL, sha256="f" * 64), on_index(SDIST), EXTRA)
    verdict = judge_publication(BUILT, found, differences="report")
    assert (verdict.kind, verdict.identical) == ("published", False)
    assert "| `sample-1.0-py3-none-any.whl` | other bytes | sha256 aaaa" in verdict.table()
    assert [file.name for file in verdict.different] == [WHEEL.name, EXTRA.name]


def test_reported_differences_still_wait_for_a_missing_file() -> None:
    verdict = judge_publication(BUILT, (on_index(WHEEL, sha256="f" * 64),), differences="report")
    assert (verdict.kind, verdict.missing) == ("not-visible", (SDIST.name,))


def test_a_wheel_for_this_platform_is_not_waited_for_where_others_are_made_elsewhere() -> None:
    here = Built("sample-1.0-cp312-cp312-linux_x86_64.whl", "d" * 64, 5)
    there = IndexFile("sample-1.0-cp312-cp312-manylinux_2_28_x86_64.whl", "c" * 64, 5, "http://index/x")
    found = (on_index(SDIST), there)
    verdict = judge_publication((SDIST, here), found, differences="report")
    assert (verdict.kind, verdict.identical) == ("published", False)
    assert {file.name: file.state for file in verdict.files} == {
        SDIST.name: "same", here.name: "made elsewhere", there.name: "not built"
    }  # fmt: skip
    assert judge_publication((SDIST, here), found).kind == "differs"
    assert judge_publication((SDIST, here), found[:1], differences="report").kind == "not-visible"
    assert judge_publication((SDIST, here), found[1:], differences="report").kind == "not-visible"
    assert judge_publication(BUILT, found, differences="report").missing == (WHEEL.name,)


def test_files_that_installers_do_not_see_are_not_visible_yet() -> None:
    verdict = judge_visibility(BUILT, SAME, ())
    assert verdict.kind == "not-visible"
    (problem,) = publication_problems(verdict, "1.0", "the index")
    assert "does not list them to installers yet" in str(problem)


@pytest.mark.parametrize(
    ("release", "listed", "kind"),
    [
        (None, SAME, "published"),
        ((), SAME, "published"),
        (SAME, SAME, "published"),
        (None, (), "not-visible"),
        ((), (), "not-visible"),
        ((on_index(WHEEL, sha256="f" * 64),), (), "differs"),
        (SAME, (on_index(WHEEL, sha256="f" * 64),), "differs"),
    ],
)
def test_wrong_bytes_in_either_view_refuse(
    release: tuple[IndexFile, ...] | None, listed: tuple[IndexFile, ...], kind: str
) -> None:
    assert judge_visibility(BUILT, release, listed).kind == kind


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ((), ["does not show sample-1.0-py3-none-any.whl, sample-1.0.tar.gz of version 1.0", "wait"]),
        ((*SAME, EXTRA), ["sample-1.0-cp311-cp311-linux_x86_64.whl", "was not built here", "who uploaded"]),
        ((on_index(WHEEL, sha256=""), SAME[1]), ["gives no sha256", "download the file"]),
        ((on_index(WHEEL, sha256="f" * 64), SAME[1]), ["f" * 64, "a" * 64, "yank it"]),
    ],
)
def test_problems_say_what_to_do(found: tuple[IndexFile, ...], words: list[str]) -> None:
    text = "\n".join(map(str, publication_problems(judge_publication(BUILT, found), "1.0", "the index")))
    assert [word for word in words if word not in text] == []


def test_published_has_no_problems() -> None:
    assert publication_problems(judge_publication(BUILT, SAME), "1.0", "the index") == ()


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("sample-1.0.tar.gz", "1.0"),
        ("sample-1.0.zip", "1.0"),
        ("sample_x-1.0rc1-py3-none-any.whl", "1rc1"),
        ("sample-1.0.exe", None),
        ("sample.tar.gz", None),
        ("sample-not.a.version.whl", None),
    ],
)
def test_version_of_a_file_name(name: str, version: str | None) -> None:
    assert file_version(name) == (Version(version) if version else None)


def test_a_version_is_found_in_any_spelling() -> None:
    project = IndexProject("sample", (Version("1.0"), Version("0.9")), SAME, "active", "http://index/simple/sample/")
    assert version_files(project, Version("1.0.0")) == SAME
    assert has_version(project, Version("0.9.0"))
    assert not has_version(project, Version("2"))
    assert (version_files(None, Version("1")), has_version(None, Version("1"))) == ((), False)


@pytest.mark.parametrize(
    ("setting", "downloads", "rule"),
    [
        ("auto", True, "refuse"),
        ("auto", False, "report"),
        ("refuse", False, "refuse"),
        ("report", True, "report"),
    ],
)
def test_rebuilt_rule(setting: str, downloads: bool, rule: str) -> None:
    assert rebuilt_rule(setting, downloads_assets=downloads) == rule


def test_the_best_fitting_wheel_is_taken() -> None:
    names = [SDIST.name, WHEEL.name, EXTRA.name, "broken.whl", "sample-1.0-cp312-cp312-win_amd64.whl"]
    tags = [Tag("cp311", "cp311", "linux_x86_64"), Tag("py3", "none", "any")]
    assert installable_wheel(names, tags) == EXTRA.name
    assert installable_wheel(names, tags[1:]) == WHEEL.name
    assert installable_wheel(names, []) is None
