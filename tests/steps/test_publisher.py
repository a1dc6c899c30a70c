"""Step 6: the claims of the coming run against the publisher that the index knows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lockgate.errors import RefusedError
from planning import record
from tests.acts import attempt, configure, replace_in
from tests.stages import Stage

Make = Callable[[str], Stage]
FOLDER = ".github/workflows"


def move_workflow(stage: Stage) -> None:
    """The publish workflow moves to another file."""
    text = stage.git("show", f"main:{FOLDER}/publish.yml")
    stage.sandbox.commit_to_main(f"{FOLDER}/release.yml", f"{text}\n", "Publish from another file")
    replace_in(stage, f"{FOLDER}/publish.yml", "pypa/gh-action-pypi-publish", "actions/checkout")


def rename_environment(stage: Stage) -> None:
    replace_in(stage, f"{FOLDER}/publish.yml", "environment: pypi", "environment: release")


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (move_workflow, r"presents? the workflow 'release\.yml'.*published by 'publish\.yml'"),
        (rename_environment, r"presents? the environment 'release'.*published by 'pypi'"),
    ],
)
def test_a_claim_that_differs_from_the_last_releases_is_named(
    at: Make, change: Callable[[Stage], None], seen: str
) -> None:
    stage = at("end")
    change(stage)
    with pytest.raises(RefusedError, match=seen):
        attempt(stage, "publisher", "1.2.0")


PUSH = 'on:\n  push:\n    tags: ["v*"]\n  workflow_dispatch:\n'
ACTION = "pypa/gh-action-pypi-publish"
UNFIT = [
    (PUSH, 'on:\n  push:\n    branches: ["main"]\n', "it runs only for pushed branches, not for tags"),
    (PUSH, "on:\n  workflow_dispatch:\n", "it runs only by hand"),
    (PUSH, 'on:\n  push:\n    tags: ["v[0-9].[0-9]"]\n', "for pushed tags that match 'v[0-9].[0-9]', not 'v1.2.0'"),
    ("    environment: pypi\n", "    environment: pypi\n    if: github.ref_type == 'branch'\n", "which is false then"),
    ("      id-token: write\n", "      contents: read\n", "cannot ask for an identity"),
    (
        f"uses: {ACTION}",
        f"env: {{TWINE_PASSWORD: x}}\n        run: twine upload dist/*\n      - uses: x/{ACTION}",
        "a password",
    ),
]


def test_a_workflow_that_cannot_publish_is_refused_with_the_reason(at: Make) -> None:
    stage = at("end")
    path = f"{FOLDER}/publish.yml"
    good = stage.git("show", f"main:{path}") + "\n"
    for old, new, words in UNFIT:
        assert old in good
        stage.sandbox.commit_to_main(path, good.replace(old, new), "Change the workflow")
        with pytest.raises(RefusedError) as refusal:
            attempt(stage, "publisher", "1.2.0")
        assert words in str(refusal.value), words
    called = good.replace(PUSH, "on:\n  workflow_call:\n")
    stage.sandbox.commit_to_main(f"{FOLDER}/called.yml", called, "Publish in a called workflow")
    caller = f"{good[: good.index('jobs:')]}jobs:\n  publish:\n    uses: ./{FOLDER}/called.yml\n"
    stage.sandbox.commit_to_main(path, caller, "Call it")
    with pytest.raises(RefusedError, match="publishes inside the called workflow"):
        attempt(stage, "publisher", "1.2.0")


def test_what_is_not_sure_is_in_the_brief(at: Make) -> None:
    """A condition that only the run can decide, and an action whose version cannot be told."""
    stage = at("end")
    replace_in(
        stage, f"{FOLDER}/publish.yml", "    environment: pypi\n", "    environment: pypi\n    if: vars.PUBLISH\n"
    )
    replace_in(stage, f"{FOLDER}/publish.yml", "  # v1.13.0", "")
    question = attempt(stage, "publisher", "1.2.0").question
    assert question is not None
    assert "job 'publish' has `if: vars.PUBLISH`, and vars.PUBLISH is not known before the run" in question.brief
    assert "is a commit without a version beside it" in question.brief


@pytest.mark.parametrize("setting", ["require", "report"])
def test_required_attestations_need_a_workflow_that_makes_them(at: Make, setting: str) -> None:
    stage = at("publisher")
    configure(stage, f'attestations = "{setting}"')
    path = f"{FOLDER}/publish.yml"
    text = stage.git("show", f"main:{path}")
    stage.sandbox.commit_to_main(path, f"{text}\n        with:\n          attestations: false\n", "Leave them out")
    if setting == "report":
        assert attempt(stage, "publisher", "1.2.0").question is not None
    else:
        with pytest.raises(RefusedError, match="publishes without attestations, and attestations is 'require'"):
            attempt(stage, "publisher", "1.2.0")


def test_a_known_publisher_is_shown_as_such(at: Make) -> None:
    question = attempt(at("end"), "publisher", "1.2.0").question
    assert question is not None
    assert "published by this very publisher" in question.brief


def test_an_unknown_publisher_is_asked_about_with_the_values_to_compare(at: Make) -> None:
    question = attempt(at("publisher"), "publisher").question
    assert question is not None
    assert "Compare these values" in question.brief
    for row in (
        "owner | `example`",
        "repository | `lockgate-sample`",
        "workflow | `publish.yml`",
        "environment | `pypi`",
    ):
        assert row in question.brief


@pytest.mark.parametrize(
    ("step", "policies", "lost"),
    [
        ("publisher", "", "The tag that may follow without another question"),
        ("publisher", "publish = 'always'", "Nothing: a person is asked again"),
        ("tests", "", "Nothing: a person is asked again"),
        # What main loosens after the release commit counts for nothing.
        ("tests", "publisher = 'when-needed'", "Nothing: a person is asked again"),
    ],
)
def test_the_brief_says_whether_the_tag_may_follow_unasked(at: Make, step: str, policies: str, lost: str) -> None:
    stage = at(step)
    if policies:
        configure(stage, f"checkpoints = {{ {policies} }}")
    question = attempt(stage, step).question
    assert question is not None
    assert f"**Cannot be undone after it:** {lost}" in question.brief


def test_a_move_that_the_settings_state_is_asked_about_and_recorded(at: Make) -> None:
    stage = at("end")
    rename_environment(stage)
    configure(stage, 'publisher = "example/lockgate-sample/publish.yml@release"\ncheckpoints = { publisher = "never" }')
    result = attempt(stage, "publisher", "1.2.0")
    question = result.question
    assert question is not None
    before = "GitHub example/lockgate-sample/publish.yml@pypi"
    assert f"**The publisher changes.** The last release on the index was published by `{before}`" in question.brief
    assert "Compare these values" in question.brief
    assert question.evidence["moved from"] == before
    known = record.kept(stage.open(version="1.2.0")).publisher
    assert known is not None
    assert (known.environment, known.moved_from) == ("release", before)


def test_a_move_to_another_publisher_than_the_stated_one_is_refused(at: Make) -> None:
    stage = at("end")
    rename_environment(stage)
    configure(stage, 'publisher = "example/lockgate-sample/publish.yml@prod"')
    with pytest.raises(RefusedError, match=r"`publisher` states '.*@prod', and the run will present '.*@release'"):
        attempt(stage, "publisher", "1.2.0")
