from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.workflow_patterns import push_takes_tag, tag_matches


@pytest.mark.parametrize(
    ("patterns", "tag", "taken"),
    [
        (["v*"], "v1.2.3", True),
        (["v*"], "1.2.3", False),
        (["*"], "v1.2.3", True),
        (["*"], "release/v1.2.3", False),
        (["**"], "release/v1.2.3", True),
        (["release/**"], "release/a/b", True),
        (["release/*"], "release/a/b", False),
        (["**/v*"], "release/v1", True),
        (["**/v*"], "v1", True),
        (["v[0-9]+.[0-9]+.[0-9]+"], "v1.20.3", True),
        (["v[0-9]+.[0-9]+.[0-9]+"], "v1.20.3rc1", False),
        (["v[0-9]+.[0-9]+.[0-9]+*"], "v1.20.3rc1", True),
        (["[0-9]+.[0-9]+"], "10.2", True),
        (["v[12].*"], "v3.0", False),
        (["v1.?"], "v1", True),
        (["v1.?"], "v1.", True),
        (["v1.?0"], "v10", True),
        (["v1.2.3"], "v1x2y3", False),
        (["V*"], "v1", False),
        (["v*", "!v*rc*"], "v1.0rc1", False),
        (["v*", "!v*rc*"], "v1.0", True),
        (["v*", "!v*rc*", "v2*"], "v2.0rc1", True),
        (["!v*rc*"], "v1.0", False),
        ([r"v\*"], "v*", True),
        ([r"v\*"], "v1", False),
        (["refs/tags/v*"], "v1.0", False),
        (["v(1|2)"], "v1", False),
        (["v[z-a]"], "v[z-a]", True),
        (["+v"], "+v", True),
        ([], "v1.0", False),
    ],
)
def test_patterns_take_tags_as_github_reads_them(patterns, tag, taken):
    assert tag_matches(patterns, tag) is taken


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_pattern_is_an_error(pattern, tag):
    assert tag_matches([pattern], tag) in {True, False}


@given(st.from_regex(r"v[0-9]{1,3}(\.[0-9]{1,3}){0,3}(rc[0-9])?", fullmatch=True))
def test_two_stars_take_every_tag(tag):
    assert tag_matches(["**"], tag)
    assert tag_matches([tag], tag)


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        ({}, True),
        ({"tags": ["v*"]}, True),
        ({"tags": "v*"}, True),
        ({"tags": ["1*"]}, False),
        ({"branches": ["main"]}, False),
        ({"branches": ["main"], "tags": ["v*"]}, True),
        ({"branches-ignore": ["wip"]}, False),
        ({"tags-ignore": ["*rc*"]}, True),
        ({"tags-ignore": ["v1*"]}, False),
        ({"tags-ignore": ["x"], "branches": ["main"]}, True),
        ({"paths": ["src/**"]}, True),
        ({"paths-ignore": ["docs/**"]}, True),
        ({"branches": ["main"], "paths": ["src/**"]}, False),
    ],
)
def test_push_filters_decide_whether_a_tag_starts_a_run(filters, taken):
    assert push_takes_tag(filters, "v1.2.3") is taken
