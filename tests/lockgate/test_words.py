"""A word means what it meant when it was said."""

from __future__ import annotations

import pytest

from lockgate.words import Since, check_word, warn_nothing_new, was_since

ASKED = "2026-11-22T20:00:00.7+00:00"
MEANWHILE = (("sample 3.5.0", "2026-11-22T20:01:00Z"),)


@pytest.mark.parametrize("word", ["patch", "minor", "major", "alpha", "beta", "rc", "post", "dev"])
def test_a_word_that_finds_nothing_new_refuses_and_names_the_version(word: str) -> None:
    (problem,) = check_word(word, "3.6.0", Since("v3.5.0", 0), ASKED)
    assert "nobody committed anything since v3.5.0" in problem.seen
    assert problem.next.endswith("name it: `lockgate release 3.6.0`")
    assert not warn_nothing_new(word, Since("v3.5.0", 0))


@pytest.mark.parametrize("word", ["minor", "final"])
def test_a_word_that_was_overtaken_refuses_and_names_the_release(word: str) -> None:
    (problem,) = check_word(word, "3.6.0", Since("v3.5.0", 4, MEANWHILE), ASKED)
    assert "another release: sample 3.5.0 at 2026-11-22T20:01:00Z" in problem.seen


@pytest.mark.parametrize("asked", ["3.6.0", "", "final"])
def test_what_is_named_is_released_with_a_warning_when_nothing_is_new(asked: str) -> None:
    assert check_word(asked, "3.6.0", Since("v3.5.0", 0), ASKED) == ()
    (warning,) = warn_nothing_new(asked, Since("v3.5.0", 0))
    assert "nobody committed anything since v3.5.0" in warning


@pytest.mark.parametrize("since", [Since(), Since("v3.5.0", 1)])
def test_a_first_release_and_something_new_are_fine(since: Since) -> None:
    assert check_word("minor", "3.6.0", since, ASKED) == ()
    assert warn_nothing_new("3.6.0", since) == ()


@pytest.mark.parametrize(
    ("time", "asked", "since"),
    [
        ("2026-11-22T20:00:01Z", ASKED, True),
        ("2026-11-22T20:00:00Z", ASKED, True),
        ("2026-11-22T19:59:59Z", ASKED, False),
        ("2026-11-22T20:00:00Z", "2026-11-22T21:30:00+01:00", False),
        ("", ASKED, False),
        ("2026-11-22T20:00:00Z", "", False),
    ],
)
def test_a_time_noted_to_the_second_counts_as_later_in_doubt(time: str, asked: str, since: bool) -> None:
    assert was_since(time, asked) is since
