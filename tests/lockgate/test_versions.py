from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from lockgate.errors import SettingsError
from lockgate.versions import (
    WORDS,
    IndexVersions,
    check_version,
    detect_tag_format,
    is_word,
    next_version,
    parse_version,
    previous_release,
    released_versions,
    tag_for,
    version_of_tag,
)

VERSIONS = st.builds(
    lambda release, pre, post, dev, epoch: Version(f"{epoch}{release}{pre}{post}{dev}"),
    st.lists(st.integers(0, 30), min_size=1, max_size=5).map(lambda parts: ".".join(map(str, parts))),
    st.sampled_from(["", "a1", "b2", "rc3"]),
    st.sampled_from(["", ".post0", ".post4"]),
    st.sampled_from(["", ".dev0", ".dev5"]),
    st.sampled_from(["", "1!"]),
)


def v(*texts: str) -> frozenset[Version]:
    return frozenset(map(Version, texts))


@pytest.mark.parametrize("text", ["1.0", "1.0.0", "v1.0.0", " 1.0 ", "1.00"])
def test_every_spelling_is_the_same_version(text: str) -> None:
    assert parse_version(text) == Version("1.0")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.x", "'1.x' is not a version. Expected: a version as PEP 440 defines it. Next: write one like 1.4.0."),
        ("", "'' is not a version."),
        ("1.0/../x", "is not a version"),
        (
            "1.0+x",
            "'1.0+x' is a local version (PEP 440), which no index takes. Expected: a public version such as 1.0.",
        ),
    ],
)
def test_what_is_no_public_version_is_refused(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_version(text)
    assert words in str(caught.value)


# base, then patch, minor, major, alpha, beta, rc, final, post, dev; - is refused
NEXT = """
1.2.3 | 1.2.4 | 1.3.0 | 2.0.0 | 1.2.4a1 | 1.2.4b1 | 1.2.4rc1 | - | 1.2.3.post1 | 1.2.4.dev1
1.2.4rc1 | 1.2.4 | 1.3.0 | 2.0.0 | - | - | 1.2.4rc2 | 1.2.4 | - | 1.2.4rc2.dev1
1.2.4a2 | 1.2.4 | 1.3.0 | 2.0.0 | 1.2.4a3 | 1.2.4b1 | 1.2.4rc1 | 1.2.4 | - | 1.2.4a3.dev1
1.3.0.dev2 | 1.3.0 | 1.3.0 | 2.0.0 | 1.3.0a1 | 1.3.0b1 | 1.3.0rc1 | 1.3.0 | - | 1.3.0.dev3
1.3.0b2.dev1 | 1.3.0 | 1.3.0 | 2.0.0 | - | 1.3.0b2 | 1.3.0rc1 | 1.3.0 | - | 1.3.0b2.dev2
2.0.0rc1 | 2.0.0 | 2.0.0 | 2.0.0 | - | - | 2.0.0rc2 | 2.0.0 | - | 2.0.0rc2.dev1
1.2.3.post1 | 1.2.4 | 1.3.0 | 2.0.0 | 1.2.4a1 | 1.2.4b1 | 1.2.4rc1 | - | 1.2.3.post2 | 1.2.4.dev1
1.2.3.post1.dev2 | 1.2.4 | 1.3.0 | 2.0.0 | 1.2.4a1 | 1.2.4b1 | 1.2.4rc1 | 1.2.3.post1 | - | 1.2.3.post1.dev3
1.2 | 1.2.1 | 1.3 | 2.0 | 1.2.1a1 | 1.2.1b1 | 1.2.1rc1 | - | 1.2.post1 | 1.2.1.dev1
7 | 7.0.1 | 7.1 | 8 | 7.0.1a1 | 7.0.1b1 | 7.0.1rc1 | - | 7.post1 | 7.0.1.dev1
1.2.3.4 | 1.2.4.0 | 1.3.0.0 | 2.0.0.0 | 1.2.4.0a1 | 1.2.4.0b1 | 1.2.4.0rc1 | - | 1.2.3.4.post1 | 1.2.4.0.dev1
1!25.9 | 1!25.9.1 | 1!25.10 | 1!26.0 | 1!25.9.1a1 | 1!25.9.1b1 | 1!25.9.1rc1 | - | 1!25.9.post1 | 1!25.9.1.dev1
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in NEXT.strip().splitlines()]
CASES = [(row[0], word, wanted) for row in ROWS for word, wanted in zip(WORDS, row[1:], strict=True)]


@pytest.mark.parametrize(("base", "word", "wanted"), CASES)
def test_next_version(base: str, word: str, wanted: str) -> None:
    if wanted == "-":
        with pytest.raises(SettingsError, match=rf"Expected: a version that '{word}' can follow"):
            next_version(Version(base), word)
    else:
        assert str(next_version(Version(base), word)) == wanted


def test_the_documented_table_of_words_is_true() -> None:
    rows = [line.strip().strip("|").split("|") for line in (next_version.__doc__ or "").splitlines() if "|" in line]
    heads = [cell.strip() for cell in rows[0]]
    documented = {
        (head, row[0].strip(), cell.strip()) for row in rows[2:] for head, cell in zip(heads[1:], row[1:], strict=True)
    }
    table = {(base, word, wanted.replace("-", "refused")) for base, word, wanted in CASES if base in heads}
    assert documented == table


def test_an_unknown_word_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        next_version(Version("1.0"), "huge")
    assert "'huge' is no word for a next version. Expected: one of patch, minor, major, alpha" in str(caught.value)


@given(VERSIONS, st.sampled_from(sorted(WORDS)))
@settings(max_examples=50, deadline=None)
def test_the_next_version_is_always_greater_and_public(base: Version, word: str) -> None:
    try:
        found = next_version(base, word)
    except SettingsError:
        assume(False)
    assert found > base
    assert found.local is None
    assert found.epoch == base.epoch


def test_words_are_told_from_versions() -> None:
    assert is_word("rc")
    assert not is_word("1.0rc1")


@pytest.mark.parametrize(
    ("tags", "project", "wanted"),
    [
        ([], "", "v{version}"),
        (["nightly", "latest", "before-rewrite"], "", "v{version}"),
        (["v1.0.0", "v1.1.0"], "", "v{version}"),
        (["1.0.0", "1.1.0rc1"], "", "{version}"),
        (["1.0", "v1.1", "v1.2"], "", "v{version}"),
        (["1.0", "v1.1"], "", "v{version}"),
        (["release-1.0", "release-1.1"], "", "release-{version}"),
        (["py3-1.0", "py3-2.0"], "", "py3-{version}"),
        (["pkg-1.0", "other-1.0", "other-2.0"], "pkg", "pkg-{version}"),
        (["My_Pkg/v1.0", "v9", "v10"], "my-pkg", "My_Pkg/v{version}"),
        (["other-1.0", "other-2.0", "v0.1"], "pkg", "v{version}"),
        (["pkg@1.0"], "pkg", "pkg@{version}"),
        (["x2-1", "x2-2"], "", "x2-{version}"),
        (["rev-1.0", "rev-1.1"], "re", "rev-{version}"),
        (["1.0+local", "v1.0"], "", "v{version}"),
    ],
)
def test_tag_format_is_detected(tags: list[str], project: str, wanted: str) -> None:
    assert detect_tag_format(tags, project) == wanted


@pytest.mark.parametrize(
    ("tag", "tag_format", "wanted"),
    [
        ("v1.2.3", "v{version}", "1.2.3"),
        ("1.2.3", "v{version}", "1.2.3"),
        ("v1.2", "{version}", "1.2.0"),
        ("v1.2.0-rc.1", "v{version}", "1.2rc1"),
        ("pkg-v1.0", "pkg-{version}", "1.0"),
        ("pkg-1.0-stable", "pkg-{version}-stable", "1.0"),
        ("other-1.0", "pkg-{version}", None),
        ("pkg-1.0", "v{version}", None),
        ("v1.0+x", "v{version}", None),
        ("vlatest", "v{version}", None),
        ("", "v{version}", None),
    ],
)
def test_version_of_a_tag(tag: str, tag_format: str, wanted: str | None) -> None:
    assert version_of_tag(tag, tag_format) == (Version(wanted) if wanted else None)


@given(VERSIONS, st.sampled_from(["v{version}", "{version}", "pkg-{version}", "pkg/v{version}", "r{version}-x"]))
@settings(max_examples=50, deadline=None)
def test_a_tag_reads_back_as_its_version(version: Version, tag_format: str) -> None:
    assert version_of_tag(tag_for(version, tag_format), tag_format) == version


@pytest.mark.parametrize("tag_format", ["v", "{version}{version}", "v{Version}"])
def test_a_tag_format_needs_the_version_once(tag_format: str) -> None:
    with pytest.raises(SettingsError, match=r"Expected: a format with \{version\} in it once"):
        tag_for(Version("1.0"), tag_format)


def test_released_versions_prefer_the_tag_as_it_would_be_made() -> None:
    tags = ["1.1.rc1", "1.1rc1", "nightly", "v1.0.0", "v1.1.rc1", "v1.1rc1"]
    assert released_versions(tags, "v{version}") == {Version("1.0"): "v1.0.0", Version("1.1rc1"): "v1.1rc1"}
    assert released_versions(tags, "{version}")[Version("1.1rc1")] == "1.1rc1"


def test_previous_release_is_the_greatest_lower_one() -> None:
    assert previous_release(Version("1.2"), v("1.0", "1.1", "1.2", "2.0")) == Version("1.1")
    assert previous_release(Version("1.2"), v("1.2", "2.0")) is None


def problems(wanted: str, **given: Any) -> str:
    facts: dict[str, Any] = {"repository": None, "tagged": {}, "index": None, "ours": False, **given}
    return "\n".join(map(str, check_version(Version(wanted), **facts)))


def index(*versions: str, **more: Any) -> IndexVersions:
    return IndexVersions(tuple(map(Version, versions)), **more)


TAGGED = {Version("1.2.0"): "v1.2.0"}


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("0.1", {}),
        ("1.3.0", {"repository": Version("1.2.0"), "tagged": TAGGED, "index": index("1.1", "1.2")}),
        ("1.3.0", {"repository": Version("1.3.0"), "tagged": TAGGED, "index": index("1.2")}),
        ("1.2.1rc1", {"tagged": TAGGED}),
        ("1.2.0", {"tagged": TAGGED, "ours": True}),
        ("1.2.0", {"tagged": TAGGED, "index": index("1.2", "1.3"), "ours": True}),
        ("1.2.0", {"index": index("1.2", status="archived"), "ours": True}),
        ("1.3", {"index": index("1.2", status="deprecated")}),
    ],
)
def test_a_free_version_has_no_problems(wanted: str, given: dict[str, Any]) -> None:
    assert problems(wanted, **given) == ""


@pytest.mark.parametrize(
    ("wanted", "given", "words"),
    [
        ("1.2", {"tagged": TAGGED}, "1.2 is taken: tagged as v1.2.0. Expected: a version that was never released"),
        ("1.2", {"tagged": TAGGED}, "Next: take another version, such as 1.2.1."),
        ("1.2.0", {"index": index("1.1", "1.2")}, "1.2.0 is taken: on the index."),
        ("1.2.0", {"index": index("1.2", yanked=v("1.2"))}, "1.2.0 is taken: on the index, yanked."),
        ("1.2.0", {"index": index(yanked=v("1.2"))}, "1.2.0 is taken: on the index, yanked."),
        ("1.2.0", {"index": index(banned=v("1.2"))}, "1.2.0 is taken: burnt: a file of it was on the index once"),
        ("1.2", {"tagged": TAGGED, "index": index("1.2")}, "tagged as v1.2.0 and on the index."),
        (
            "1.1",
            {"tagged": TAGGED},
            "1.1 is older than the released 1.2.0 (tagged as v1.2.0). Expected: a version after",
        ),
        ("1.1", {"index": index("1.0", "2.0rc1")}, "older than the released 2.0rc1 (on the index)"),
        ("1.1", {"index": index("1.0", "2.0rc1")}, "such as 2.0rc2."),
        ("1.1", {"index": index(yanked=v("1.2"))}, "older than the released 1.2 (on the index, yanked)"),
        ("1.2", {"repository": Version("1.3.0")}, "1.2 is older than the repository's own version 1.3.0."),
        ("1.3.0", {"index": index("1.2", status="archived")}, "the project is archived on the index, so it takes no"),
        ("1.3.0", {"index": index(status="quarantined")}, "the project is quarantined on the index"),
        ("1.2.0", {"tagged": TAGGED, "index": index(status="archived"), "ours": True}, "the project is archived"),
        ("1.1", {"tagged": TAGGED, "ours": True}, "1.1 is older than the released 1.2.0"),
        ("1.1", {"index": index(banned=v("1.2"))}, "1.1 is older than the released 1.2 (burnt"),
        (
            "1.3",
            {"index": index(banned=v("1.2"), status="vanished")},
            "no such project, and fixtures in the repository record that 1.2",
        ),
    ],
)
def test_a_taken_or_old_version_is_refused(wanted: str, given: dict[str, Any], words: str) -> None:
    assert words in problems(wanted, **given)


def test_all_problems_come_at_once() -> None:
    found = check_version(
        Version("1.0"),
        repository=Version("1.3"),
        tagged=TAGGED,
        index=index("1.0", status="archived"),
        ours=False,
    )
    assert [problem.seen.split(" on ")[0] for problem in found] == [
        "the project is archived",
        "1.0 is taken:",
        "1.0 is older than the repository's own version 1.3",
    ]


@given(VERSIONS, st.lists(VERSIONS, max_size=4), st.lists(VERSIONS, max_size=4), st.none() | VERSIONS)
@settings(max_examples=50, deadline=None)
def test_free_means_newer_than_everything(
    wanted: Version, tags: list[Version], indexed: list[Version], own: Version | None
) -> None:
    found = check_version(
        wanted,
        repository=own,
        tagged={version: f"v{version}" for version in tags},
        index=IndexVersions(tuple(indexed)),
        ours=False,
    )
    assert (not found) == (all(wanted > other for other in [*tags, *indexed]) and (own is None or wanted >= own))
