"""Which workflows an event starts, in which order jobs run, and what `if:` decides."""

from __future__ import annotations

import pytest

from sandbox.conditions import is_met
from sandbox.workflows import (
    BrokenWorkflowError,
    Event,
    expand,
    glob_matches,
    is_skipped,
    job_order,
    matches,
    may_mint,
    parse_workflow,
)

JOBS = "jobs: {a: {runs-on: ubuntu-latest}}"
TAG, BRANCH = Event("push", "refs/tags/v1.2.0", "0"), Event("push", "refs/heads/main", "0")
PUBLISHED = Event("release", "refs/tags/v1.2.0", "0", "published")


@pytest.mark.parametrize(
    ("on", "tag", "branch", "published"),
    [
        ("push", True, True, False),
        ("[push, release]", True, True, True),
        ("{push: {tags: ['v*']}}", True, False, False),
        ("{push: {tags: 'v*'}}", True, False, False),
        ("{push: {tags: ['1.*']}}", False, False, False),
        ("{push: {branches: [main]}}", False, True, False),
        ("{push: {branches: [main], tags: ['v*']}}", True, True, False),
        ("{push: {tags-ignore: ['v1*']}}", False, False, False),
        ("{push: {branches-ignore: [main]}}", False, False, False),
        ("{push: {tags: ['v*', '!v1.2.*']}}", False, False, False),
        ("{push: {paths: [docs/**]}}", True, True, False),
        ("{release: {types: [published]}}", False, False, True),
        ("{release: {types: [created]}}", False, False, False),
        ("release", False, False, True),
        ("workflow_dispatch", False, False, False),
        ("{push: }", True, True, False),
    ],
)
def test_what_an_event_starts(on, tag, branch, published):
    workflow = parse_workflow("w.yml", f"on: {on}\n{JOBS}")
    assert (matches(workflow, TAG), matches(workflow, BRANCH), matches(workflow, PUBLISHED)) == (tag, branch, published)


@pytest.mark.parametrize(
    ("filters", "changed", "starts"),
    [
        ("paths: [docs/**]", ("docs/a/b.md",), True),
        ("paths: [docs/**]", ("src/a.py",), False),
        ("paths-ignore: ['**.md']", ("docs/b.md",), False),
        ("paths-ignore: ['**.md']", ("docs/b.md", "a.py"), True),
    ],
)
def test_paths_of_a_branch_push(filters, changed, starts):
    workflow = parse_workflow("w.yml", f"on: {{push: {{{filters}}}}}\n{JOBS}")
    assert matches(workflow, Event("push", "refs/heads/main", "0", changed=changed)) is starts


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("v*", "v1.2", True),
        ("v*", "v1/2", False),
        ("v**", "v1/2", True),
        ("v[0-9]+.[0-9]+", "v10.2", True),
        ("v[0-9]+.[0-9]+", "v10.2rc1", False),
        ("*.jsx?", "page.js", True),
        ("v1.0", "v1x0", False),
        ("**", "a/b", True),
        ("*", "a/b", False),
    ],
)
def test_glob(pattern, name, fits):
    assert glob_matches([pattern], name) is fits


def test_later_patterns_overrule_earlier_ones():
    assert glob_matches(["v*", "!v2*", "v2.1"], "v2.1")
    assert not glob_matches(["v*", "!v2*"], "v2.1")
    assert not glob_matches(["!v2*"], "v3")


@pytest.mark.parametrize(
    "text", ["{", "on: push", "jobs: {}", "on: push\njobs: []", "- a", "on: push\njobs: {a: b}", "on: 1\njobs: {}"]
)
def test_what_is_no_workflow(text):
    with pytest.raises(BrokenWorkflowError, match=r"w\.yml"):
        parse_workflow("w.yml", text)


def test_jobs_run_behind_what_they_need():
    assert job_order({"c": {"needs": ["b"]}, "b": {"needs": "a"}, "a": {}}) == ["a", "b", "c"]
    with pytest.raises(BrokenWorkflowError, match="in a circle"):
        job_order({"a": {"needs": "b"}, "b": {"needs": "a"}})


def test_called_workflows_bring_their_jobs():
    workflow = parse_workflow(
        "w.yml", "on: push\njobs: {a: {}, call: {needs: a, uses: ./.github/workflows/x.yml}, z: {needs: call}}"
    )
    whole = expand(
        workflow, lambda path: f"on: workflow_call\njobs: {{one: {{}}, two: {{needs: one, name: '{path}'}}}}"
    )
    assert job_order(whole.jobs) == ["a", "call / one", "call / two", "call", "z"]
    assert whole.jobs["call / two"]["called-workflow"] == ".github/workflows/x.yml"


@pytest.mark.parametrize(
    ("workflow", "job", "may"),
    [
        ("{id-token: write}", "", True),
        ("{id-token: write}", "permissions: {}", False),
        ("read-all", "permissions: {id-token: write}", True),
        ("{}", "", False),
    ],
)
def test_right_to_mint(workflow, job, may):
    parsed = parse_workflow("w.yml", f"on: push\npermissions: {workflow}\njobs: {{a: {{{job}}}}}")
    assert may_mint(parsed, parsed.jobs["a"]) is may


@pytest.mark.parametrize(
    ("message", "skipped"),
    [
        ("Release [skip ci]", True),
        ("Release\n\n[CI SKIP]", True),
        ("Release\n\nskip-checks: true", True),
        ("Release\n\nskip-checks:true\n", True),
        ("Skip ci", False),
        ("Release [skip changelog]", False),
    ],
)
def test_skip_texts(message, skipped):
    assert is_skipped(message) is skipped


VALUES = {
    "github.event_name": "push",
    "github.ref": "refs/tags/v1.2.0",
    "github.ref_type": "tag",
    "github.repository": "Example/x",
}


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("", True),
        ("github.event_name == 'push'", True),
        ("${{ github.event_name == 'release' }}", False),
        ("startsWith(github.ref, 'refs/tags/')", True),
        ("github.event_name == 'push' && startsWith(github.ref, 'refs/heads/')", False),
        ("github.event_name == 'release' || github.ref_type == 'tag'", True),
        ("github.repository == 'example/x'", True),
        ("!contains(github.ref, 'rc')", True),
        ("!(github.ref_type == 'tag')", False),
        ("github['event_name'] == 'push'", True),
        ("${{ github.event_name }} == 'push'", True),
        ("env.RELEASE == 'yes'", True),
        ("env.RELEASE == 'yes' && github.ref_type == 'branch'", False),
        ("github.event.release.prerelease == false", True),
        ("inputs.publish", False),
        ("github.event.sender.type == 'User'", True),
        ("hashFiles('x') != ''", True),
        ("always()", True),
        ("failure()", False),
        ("cancelled()", False),
        ("endsWith(github.ref, '.0') && success()", True),
        ("false", False),
        ("1 < 2", True),
        ("github.ref ==", True),
    ],
)
def test_conditions(expression, met):
    assert is_met(expression, VALUES) is met


@pytest.mark.parametrize(
    ("expression", "met"), [("", False), ("github.ref_type == 'tag'", False), ("always()", True), ("failure()", True)]
)
def test_conditions_after_a_failure(expression, met):
    assert is_met(expression, VALUES, succeeded=False) is met
