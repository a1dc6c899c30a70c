from __future__ import annotations

import pytest

from clients.workflow_checks import audit, check, check_schema
from lockgate.errors import RefusedError

PATH = ".github/workflows/publish.yml"
GOOD = """\
name: Publish
on:
  push:
    tags: ["v*"]
permissions: {}
concurrency:
  group: publish-${{ github.ref }}
  cancel-in-progress: false
jobs:
  publish:
    name: Publish
    runs-on: ubuntu-latest
    permissions: {}
    steps:
      - run: "true"
"""
WEAK = """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.head_commit.message }}
"""


def test_a_good_workflow_passes_both():
    assert check_schema({PATH: GOOD}) == ()
    assert audit({PATH: GOOD}) == ()


def test_no_files_need_no_checkers():
    assert check_schema({}) == ()
    assert audit({}) == ()


def test_a_misspelt_key_is_found_by_the_schema():
    (problem,) = check_schema({PATH: GOOD.replace("name: Publish\n    runs-on", "enviroment: x\n    runs-on")})
    assert "publish.yml at jobs.publish: " in problem.seen
    assert "'enviroment' was unexpected" in problem.seen
    assert "GitHub's workflow syntax" in problem.expected


def test_a_text_that_is_no_yaml_is_found_by_the_schema():
    (problem,) = check_schema({PATH: "a: ["})
    assert f"Failed to parse {PATH}" in problem.seen


def test_each_problem_names_its_file():
    other = ".github/workflows/other.yaml"
    bad = GOOD.replace("runs-on", "run-on")
    assert {problem.seen.split(" at ")[0] for problem in check_schema({PATH: bad, other: bad})} == {PATH, other}


def test_weaknesses_are_found_with_place_and_severity():
    findings = audit({PATH: WEAK})
    assert any("code injection via template expansion (high severity, https://" in text for text in findings)
    assert any(text.startswith(f"{PATH}:6: ") for text in findings)


def test_both_together_find_the_same_and_are_asked_once_for_the_same_text():
    text = WEAK.replace("runs-on", "run-on")
    assert check({PATH: text}) == (check_schema({PATH: text}), audit({PATH: text}))
    found = check({PATH: text})
    assert check({PATH: text}) is found
    assert found[0]
    assert found[1]


def test_what_the_file_marks_as_ignored_is_left_out():
    marked = WEAK.replace("@v4", "@v4 # zizmor: ignore[unpinned-uses,artipacked]")
    assert len(audit({PATH: marked})) == len(audit({PATH: WEAK})) - 2


def test_tokens_do_not_reach_the_checkers(monkeypatch):
    """An empty GH_TOKEN alone would make zizmor refuse its arguments."""
    monkeypatch.setenv("GH_TOKEN", "")
    assert audit({PATH: GOOD}) == ()


def test_a_file_that_zizmor_cannot_read_is_no_clean_bill():
    (finding,) = audit({PATH: "a: ["})
    assert finding.startswith(f"{PATH}: zizmor could not read it: ")


@pytest.mark.parametrize("path", ["publish.yml", "../publish.yml", "/etc/x.yml", ".github/workflows/../../x.yml",
                                  ".github/workflows/-x.yml", ".github/workflows/a/b.yml"])  # fmt: skip
def test_other_paths_are_refused(path):
    for look in (check_schema, audit, check):
        with pytest.raises(RefusedError, match="is no path of a workflow"):
            look({path: GOOD})
