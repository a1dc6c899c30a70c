"""Inputs of a workflow that is started by hand: what the settings give is what GitHub would take, or is refused before."""

from __future__ import annotations

import pytest

from lockgate.errors import RefusedError
from lockgate.workflows import PublishWorkflow, check_workflow, fill_inputs, find_publish_workflow

PATH = ".github/workflows/publish.yml"
TEXT = """
on:
  {more}workflow_dispatch:
    inputs:
      version: {{required: true}}
      channel: {{type: choice, options: [stable, beta], default: stable}}
      dry-run: {{type: boolean, default: 'true'}}
jobs:
  publish:
    if: {condition}
    permissions: {{id-token: write}}
    steps: [{{uses: pypa/gh-action-pypi-publish@v1.13.0}}]
"""
BY_HAND = TEXT.format(more="", condition="true")
PUSHED = TEXT.format(more="push: {tags: ['v*']}\n  ", condition="true")


def find(text: str, inputs: dict[str, str], wanted: str = "publish.yml") -> PublishWorkflow:
    return find_publish_workflow({PATH: text}, wanted=wanted, tag="v1.2", repository="o/r", inputs=inputs)


def problems(text: str, inputs: dict[str, str]) -> str:
    found = find(text, inputs)
    return "\n".join(map(str, check_workflow({PATH: text}, found, tag="v1.2", repository="o/r", environment="")[0]))


def test_version_and_tag_are_filled_in() -> None:
    given = fill_inputs({"version": "{version}", "ref": "refs/tags/{tag}", "x": "y"}, version="1.2", tag="v1.2")
    assert given == {"version": "1.2", "ref": "refs/tags/v1.2", "x": "y"}


def test_a_workflow_that_needs_inputs_is_taken_when_they_are_configured() -> None:
    found = find(BY_HAND, {"version": "1.2"})
    assert (found.trigger, found.dispatchable, found.inputs) == ("dispatch", True, {"version": "1.2"})
    assert problems(BY_HAND, {"version": "1.2"}) == ""


@pytest.mark.parametrize("wanted", ["publish.yml", ""])
def test_without_them_it_is_refused_with_their_names(wanted: str) -> None:
    with pytest.raises(RefusedError, match="it runs only by hand and needs the inputs version") as caught:
        find(BY_HAND, {}, wanted)
    assert "and version in `dispatch-inputs`" in str(caught.value)


def test_without_them_a_pushed_workflow_is_not_started_by_hand() -> None:
    assert not find(PUSHED, {}).dispatchable
    assert find(PUSHED, {"version": "1.2"}).dispatchable


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"version": "1", "versoin": "1"}, "names 'versoin', which .github/workflows/publish.yml does not ask for"),
        ({"channel": "beta"}, "requires the input 'version', and dispatch-inputs gives none"),
        ({"version": "1", "channel": "gamma"}, "gives 'gamma' for the input 'channel'"),
        ({"version": "1", "dry-run": "yes"}, "gives 'yes' for the input 'dry-run'"),
    ],
)
def test_what_github_would_not_take_is_refused(given: dict[str, str], words: str) -> None:
    assert words in problems(PUSHED, given)
    assert problems(PUSHED, {"version": "1", "channel": "beta", "dry-run": "false"}) == ""


def test_inputs_of_a_workflow_that_cannot_be_started_by_hand_are_refused() -> None:
    text = PUSHED[: PUSHED.index("  workflow_dispatch")] + PUSHED[PUSHED.index("jobs:") :]
    assert "names 'version', which" in problems(text, {"version": "1"})


@pytest.mark.parametrize(
    ("condition", "given", "runs"),
    [
        ("inputs.dry-run == false", {"dry-run": "false"}, True),
        ("'!inputs.dry-run'", {"dry-run": "false"}, True),
        ("'!inputs.dry-run'", {}, False),
        ("github.event.inputs.dry-run == 'false'", {"dry-run": "false"}, True),
        ("inputs.channel == 'beta'", {"channel": "beta"}, True),
        ("inputs.channel == 'beta'", {}, False),
        ("inputs.version == '1.2'", {}, True),
    ],
)
def test_conditions_on_inputs_are_evaluated_with_them(condition: str, given: dict[str, str], runs: bool) -> None:
    text = TEXT.format(more="", condition=condition)
    try:
        found = find(text, {"version": "1.2", **given})
    except RefusedError:
        assert not runs
    else:
        assert (runs, found.undecided) == (True, ())
