"""Step 7: everything that would keep the tag from being published, at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lockgate.errors import RefusedError
from planning import checks, survey
from tests.acts import attempt
from tests.stages import Stage

Make = Callable[[str], Stage]


def test_all_problems_come_at_once_each_with_an_instruction(at: Make) -> None:
    stage = at("environment")
    stage.sandbox.grant(contents="read")
    stage.sandbox.add_ruleset(include=["refs/tags/v*"], rules=["creation"], name="no tags")
    stage.sandbox.set_environment("pypi", policies=[("main", "branch")])
    stage.sandbox.disable_workflow("publish.yml")
    stage.sandbox.set_rate_limit(3)
    with pytest.raises(RefusedError) as refusal:
        attempt(stage, "environment")
    told = [str(problem) for problem in refusal.value.problems]
    for words in ("contents", "ruleset 'no tags'", "environment 'pypi'", "publish.yml", "3 "):
        assert any(words in one for one in told), words
    assert all(problem.next for problem in refusal.value.problems)


def test_reviewers_immutability_and_retention_are_shown(at: Make) -> None:
    stage = at("environment")
    stage.sandbox.set_environment("pypi", reviewers=["example"], policies=[("v*", "tag")])
    stage.sandbox.set_immutable(immutable=True)
    stage.sandbox.set_retention(30)
    shown = attempt(stage, "environment").details
    assert "example" in shown
    assert "tag v\\*" in shown
    assert "30" in shown


def test_a_skip_instruction_counts_only_where_the_tag_will_be(at: Make) -> None:
    """Somebody's last commit may ask to skip CI: the tag is on the release commit that follows it."""
    stage = at("version")
    stage.sandbox.commit_to_main("NEWS", "small\n", "Correct a word [skip ci]")
    release = stage.open()
    assert checks.release_environment(release, survey.look_at_origin(release)).problems == ()
