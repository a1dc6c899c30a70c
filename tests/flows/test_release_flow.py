"""The whole flow on a real Prefect server, against the sandbox: the run is the documented chart."""

from __future__ import annotations

import re

import pytest
from prefect.client.schemas.objects import TaskRunResult

from flows.release_flow import release
from lockgate.request import Request
from lockgate.steps import CHART, STEPS, step

DOCUMENTED_BOXES = {
    "A": "Start release from admin or scheduler",
    "B": "Check version number availability",
    "C": "Freeze, squash and approve migrations",
    "D": "Execute pre-release actions",
    "E": "Build release artifacts",
    "F": "Complete test suite with --all flag",
    "TP": "Confirm PyPI Trusted Publisher settings",
    "G": "Verify release environment",
    "H": "Export artifacts and push release tag",
    "I": "Wait for GitHub Actions publish",
    "J": "Record publish URLs & update fixtures after publish",
    "K": "Capture PyPI publish logs",
    "L": "Finish and log completion",
}
DOCUMENTED_EDGES = [
    ("A", "B"), ("B", "C"), ("C", "D"), ("D", "E"), ("E", "F"), ("F", "TP"), ("TP", "G"), ("G", "H"), ("H", "I"), ("I", "J"),
    ("J", "K"), ("K", "L"),
]  # fmt: skip
NODES = {one.title: one.node for one in CHART}


@pytest.fixture(scope="module")
def done(request: pytest.FixtureRequest) -> dict:
    return {}


@pytest.fixture
def released(done, runs, sandbox):
    """One release of the sample, made once for this module, and what it left in Prefect."""
    if not done:
        run = runs.begin(
            release, request=Request(sandbox.origin_url, "minor", requested_by="ada", approve_all=True, tested="x")
        )
        name, report = run.report()
        done.update(
            name=name, report=report, id=run.id, run=run.known, tasks=run.task_runs, artifacts=run.artifacts, logs=run.logs,
            problems=sandbox.problems,
        )  # fmt: skip
    return done


def test_catalogue_is_the_documented_chart():
    assert [one.node for one in CHART] == list(DOCUMENTED_BOXES)
    for one in CHART:
        assert DOCUMENTED_BOXES[one.node].startswith(one.title)


def test_run_ends_released_with_every_step_done(released):
    assert released["name"] == "Released"
    assert released["run"].state.message == "lockgate-sample 1.1.0 is on the index"
    assert released["report"].exit_code == 0
    assert [one.key for one in released["report"].steps] == [one.key for one in STEPS]
    assert released["problems"] == []


def test_task_runs_are_the_boxes_in_their_order(released):
    assert [one.name for one in released["tasks"]] == [one.title for one in CHART]
    assert {one.state.name for one in released["tasks"]} == {"Completed"}


def test_edges_that_prefect_draws_are_the_documented_ones(released):
    names = {one.id: NODES[one.name] for one in released["tasks"]}
    drawn = [
        (names[source.id], names[one.id])
        for one in released["tasks"]
        for sources in one.task_inputs.values()
        for source in sources
        if isinstance(source, TaskRunResult)
    ]
    assert sorted(drawn) == sorted(DOCUMENTED_EDGES)


@pytest.mark.parametrize("key", [one.key for one in CHART])
def test_each_task_has_the_retries_of_the_catalogue(released, key):
    policy = next(one.empirical_policy for one in released["tasks"] if one.name == step(key).title)
    assert policy.retries == step(key).retries
    assert policy.retry_delay == list(step(key).delays)
    assert policy.retry_jitter_factor > 0


def test_each_task_has_the_time_limit_of_the_catalogue():
    from prefect import Task

    import tasks.actions
    import tasks.dist
    import tasks.ends
    import tasks.git
    import tasks.github
    import tasks.pypi

    modules = (tasks.actions, tasks.dist, tasks.ends, tasks.git, tasks.github, tasks.pypi)
    found = {one.name: one for module in modules for one in vars(module).values() if isinstance(one, Task)}
    assert {name: one.timeout_seconds for name, one in found.items()} == {one.title: one.timeout for one in CHART}


def test_run_is_named_by_project_and_version(released):
    assert released["run"].name == "lockgate-sample 1.1.0"


def test_every_step_leaves_what_it_found(released):
    by_task = {one.id: one.name for one in released["tasks"]}
    left = {by_task[one.task_run_id] for one in released["artifacts"] if one.task_run_id}
    assert left == {one.title for one in CHART}


def page(released, key: str) -> str:
    """What a step left in Prefect's pages."""
    mine = {one.id for one in released["tasks"] if one.name == step(key).title}
    return "\n\n".join(str(one.data) for one in released["artifacts"] if one.task_run_id in mine)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("start", ("# Plan: lockgate-sample 1.1.0", "| 8 | Export artifacts")),
        ("migrations", ("**",)),
        ("artifacts", ("| file | size | sha256 |", "| what | before → now | + added, − removed |")),
        ("tests", ("tests",)),
        ("publisher", ("publish.yml", "example")),
        ("environment", ("**done**",)),
    ],
)
def test_each_step_shows_what_a_person_looks_for(released, key, shown):
    found = page(released, key)
    assert [words for words in shown if words not in found] == []


def test_digests_of_what_was_built_are_on_the_pages(released):
    summary = next(str(one.data) for one in released["artifacts"] if str(one.key).startswith("summary-"))
    assert len(released["report"].artifacts) == 2
    for one in released["report"].artifacts:
        assert f"`{one.sha256}`" in page(released, "artifacts")
        assert f"`{one.sha256}`" in summary
    assert "Tests: ada says that they passed on " in summary
    for words in ("## Timeline", "## Releases of lockgate-sample"):
        assert words in summary


def test_progress_of_the_wait_and_links_are_shown(released):
    kinds = [str(one.type) for one in released["artifacts"]]
    assert kinds.count("progress") == 1
    links = [str(one.data) for one in released["artifacts"] if str(one.key).startswith("link-")]
    assert {url for url in released["report"].urls.values() if any(url in link for link in links)} == set(
        released["report"].urls.values()
    )


def test_log_lines_are_under_their_task_runs(released):
    by_task = {one.id: one.name for one in released["tasks"]}
    said: dict[str, list[str]] = {}
    for line in released["logs"]:
        if line.task_run_id:
            said.setdefault(by_task[line.task_run_id], []).append(line.message)
    for one in (*STEPS, CHART[-1]):
        assert any(
            re.match(rf"{re.escape(one.title)}: .* \((done|already done|not needed)\)", text)
            for text in said[one.title]
        )
