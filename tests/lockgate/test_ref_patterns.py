"""Patterns of rulesets and deployment policies match as Ruby's fnmatch does."""

from __future__ import annotations

import pytest

from lockgate.ref_patterns import covers, matches


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("v*", "v1.2.3", True),
        ("v*", "1.2.3", False),
        ("v*", "v1/2", False),
        ("*", "v1/2", False),
        ("**", "v1/2", False),
        ("**/*", "a/b/c", True),
        ("**/*", "c", True),
        ("releases/**/*", "releases/a/b", True),
        ("releases/*", "releases/a/b", False),
        ("v?.0", "v1.0", True),
        ("v?.0", "v10.0", False),
        ("v[0-9]*", "v10.0", True),
        ("v[!0-9]*", "v10.0", False),
        ("v[^0-9]*", "vx", True),
        ("v[", "v[", True),
        ("v1.0", "v1x0", False),
        (r"v\*", "v*", True),
        (r"v\*", "v1", False),
        ("refs/tags/v*", "refs/tags/v1.2.3", True),
        ("refs/tags/*", "refs/heads/main", False),
    ],
)
def test_pattern(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


@pytest.mark.parametrize(
    ("include", "exclude", "ref", "expected"),
    [
        (["~ALL"], [], "refs/tags/v1", True),
        (["~ALL"], ["refs/tags/v*"], "refs/tags/v1", False),
        (["~DEFAULT_BRANCH"], [], "refs/tags/main", False),
        (["~DEFAULT_BRANCH"], [], "refs/heads/main", True),
        (["refs/tags/v*", "refs/tags/x"], [], "refs/tags/x", True),
        ([], [], "refs/tags/v1", False),
    ],
)
def test_conditions_cover_a_ref(include: list[str], exclude: list[str], ref: str, expected: bool) -> None:
    assert covers(include, exclude, ref, "main") is expected
