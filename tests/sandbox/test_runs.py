"""Workflow runs: what starts them, what they wait for, how they fail, and their logs."""

from __future__ import annotations

import pytest

WORKFLOW = ".github/workflows/publish.yml"
PUBLISH = "pypa/gh-action-pypi-publish@release/v1"


def workflow(
    on: str = "{push: {tags: ['v*']}}", job: str = "environment: pypi, permissions: {id-token: write}", **extra: str
) -> str:
    steps = extra.get("steps", f"[{{run: gh release download}}, {{uses: {PUBLISH}}}]")
    return f"on: {on}\njobs: {{publish: {{runs-on: x, {job}, steps: {steps}}}, {extra.get('jobs', '')}}}\n"


@pytest.fixture
def release(world, api, checkout, made):
    """Push a workflow and release 1.1.0 with it; answers the newest run."""

    def push(text: str, *, tag: str = "v1.1.0", message: str = "Release") -> dict | None:
        if text:
            checkout.commit(WORKFLOW, text, message)
        checkout.push()
        api.release(tag, made.distributions())
        checkout.tag(tag)
        world.wait_idle(60)
        runs = [run for run in api.runs() if run["head_branch"] == tag]
        return runs[0] if runs else None

    return push


def test_tag_push_publishes_the_releases_own_assets(world, api, publish, made):
    run = publish()
    assert (run["event"], run["head_branch"], run["conclusion"], run["run_attempt"]) == ("push", "v1.1.0", "success", 1)
    folder = world.folder / "index/lockgate-sample"
    assert {name: (folder / name).read_bytes() for name in made.distributions()} == made.distributions()
    published = [change["what"] for change in world.journal if change["service"] == "index"]
    assert published == [f"published {name}" for name in sorted(made.distributions())]


def test_log_reads_like_the_real_actions(api, publish):
    log = api.log(publish()["id"])
    for words in (
        "Checking dist/lockgate_sample-1.1.0.tar.gz: PASSED",
        "Uploading lockgate_sample-1.1.0-py3-none-any.whl",
        "200 OK",
    ):
        assert words in log


def test_branch_push_starts_nothing_here(world, api, checkout):
    checkout.commit("a", "a")
    checkout.push()
    world.wait_idle(10)
    assert api.runs() == []


def test_skipped_by_the_commit_message(release):
    assert release(workflow(), message="Release [skip ci]") is None


def test_disabled_workflow_starts_nothing(world, api, release):
    world.disable_workflow("publish.yml")
    assert release("") is None
    assert api.client.get("/actions/workflows/publish.yml").json()["state"] == "disabled_manually"


def test_more_than_three_tags_in_a_push_start_nothing(world, api, checkout):
    for number in range(4):
        checkout.tag(f"v9.{number}", push=False)
    checkout.push("--tags")
    world.wait_idle(10)
    assert api.runs() == []


def test_broken_workflow_makes_a_failed_run_without_jobs(api, release):
    run = release("on: push\njobs: {")
    assert (run["conclusion"], run["name"]) == ("failure", WORKFLOW)
    assert api.client.get(f"/actions/runs/{run['id']}/jobs").json()["jobs"] == []
    assert api.client.get(f"/actions/runs/{run['id']}/logs").status_code == 404
    refused = api.client.post(f"/actions/runs/{run['id']}/rerun-failed-jobs")
    assert (refused.status_code, "may be broken" in refused.json()["message"]) == (403, True)


def test_published_release_starts_a_release_workflow(world, api, checkout, release):
    assert release(workflow("{release: {types: [published]}}")) is None
    draft = api.client.get("/releases").json()[0]
    api.client.patch(f"/releases/{draft['id']}", json={"draft": False})
    world.wait_idle(30)
    assert [(run["event"], run["head_branch"], run["conclusion"]) for run in api.runs()] == [
        ("release", "v1.1.0", "success")
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            workflow(job="permissions: {id-token: write}"),
            "`invalid-publisher`: valid token, but no corresponding publisher",
        ),
        (workflow(job="environment: other, permissions: {id-token: write}"), "* `environment`: `other`"),
        (workflow(job="environment: pypi"), "missing or insufficient OIDC token permissions"),
        (
            workflow(steps=f"[{{run: gh release download}}, {{uses: {PUBLISH}, with: {{password: x}}}}]"),
            "403 Forbidden",
        ),
    ],
)
def test_identity_that_the_index_does_not_take(world, api, release, text, error):
    run = release(text)
    assert run["conclusion"] == "failure"
    assert error in api.log(run["id"])
    assert not (world.folder / "index/lockgate-sample").exists()


def test_publisher_is_matched_without_regard_to_case_but_for_the_workflow(world, api, release):
    world.register_publisher(
        "other", owner="EXAMPLE", repository="Lockgate-Sample", workflow="publish.yml", environment="Other"
    )
    run = release(workflow(job="environment: other, permissions: {id-token: write}"))
    assert "400 Non-user identities cannot create new projects." in api.log(run["id"])


def test_called_workflow_is_no_trusted_publisher(api, checkout, release):
    called = workflow("workflow_call")
    checkout.commit(".github/workflows/called.yml", called)
    caller = "on: {push: {tags: ['v*']}}\njobs: {call: {uses: ./.github/workflows/called.yml, permissions: {id-token: write}}}"
    run = release(caller)
    assert "called.yml@refs/tags/v1.1.0" in api.log(run["id"])


@pytest.mark.parametrize("status", ["archived", "quarantined"])
def test_archived_project_takes_no_files(world, api, release, made, tmp_path, status):
    (tmp_path / "lockgate_sample-1.0.0.tar.gz").write_bytes(made.sdist(version="1.0.0"))
    world.publish_file("lockgate-sample", tmp_path / "lockgate_sample-1.0.0.tar.gz")
    world.set_project_status("lockgate-sample", status)
    assert "403 The given token isn't allowed to upload to project 'lockgate-sample'." in api.log(release("")["id"])


def test_reviewer_lets_the_run_go_on(world, api, release):
    world.set_environment("pypi", reviewers=["example"])
    run = release("")
    assert run["status"] == "waiting"
    pending = api.client.get(f"/actions/runs/{run['id']}/pending_deployments").json()[0]
    assert pending["current_user_can_approve"] is True
    assert api.client.post(f"/actions/runs/{run['id']}/rerun-failed-jobs").status_code == 403
    body = {"environment_ids": [pending["environment"]["id"]], "state": "approved", "comment": "yes"}
    assert api.client.post(f"/actions/runs/{run['id']}/pending_deployments", json=body).status_code == 200
    world.wait_idle(30)
    assert api.runs()[0]["conclusion"] == "success"
    assert api.client.get(f"/actions/runs/{run['id']}/approvals").json()[0]["comment"] == "yes"


def test_reviewer_refuses(world, api, release):
    world.set_environment("pypi", reviewers=["example"])
    run = release("")
    number = api.client.get("/environments/pypi").json()["id"]
    body = {"environment_ids": [number], "state": "rejected", "comment": ""}
    api.client.post(f"/actions/runs/{run['id']}/pending_deployments", json=body)
    world.wait_idle(30)
    assert api.runs()[0]["conclusion"] == "failure"


def test_who_pushed_may_not_review_where_that_is_prevented(world, api, release):
    world.set_environment("pypi", reviewers=["example"], prevent_self_review=True)
    run = release("")
    pending = api.client.get(f"/actions/runs/{run['id']}/pending_deployments").json()[0]
    assert pending["current_user_can_approve"] is False
    body = {"environment_ids": [pending["environment"]["id"]], "state": "approved", "comment": ""}
    assert api.client.post(f"/actions/runs/{run['id']}/pending_deployments", json=body).status_code == 422


@pytest.mark.parametrize(
    ("policies", "conclusion"),
    [([("v*", "tag")], "success"), ([("v*", "branch")], "failure"), ("protected", "failure")],
)
def test_deployment_policy(world, api, release, policies, conclusion):
    world.set_environment("pypi", policies=policies)
    assert release("")["conclusion"] == conclusion
    if conclusion == "failure":
        assert "is not allowed to deploy to pypi due to environment protection rules" in str(
            world.runs[-1]["jobs"][0]["annotation"]
        )


def test_cancelled_while_it_waits(world, api, release):
    world.set_environment("pypi", reviewers=["example"])
    run = release("")
    assert api.client.post(f"/actions/runs/{run['id']}/cancel").status_code == 202
    world.wait_idle(30)
    assert (api.runs()[0]["status"], api.runs()[0]["conclusion"]) == ("completed", "cancelled")
    assert api.client.post(f"/actions/runs/{run['id']}/cancel").status_code == 409


def test_rerun_of_failed_jobs_is_the_next_attempt(world, api, release):
    first = release(
        workflow(
            job="environment: pypi, permissions: {id-token: write}, needs: before",
            jobs="before: {runs-on: x, steps: []}",
        )
    )
    assert first["conclusion"] == "success"
    world.set_environment("late", policies=[])
    run = release(workflow(job="environment: late, permissions: {id-token: write}"), tag="v1.1.1")
    assert run["conclusion"] == "failure"
    world.set_environment("late")
    assert api.client.post(f"/actions/runs/{run['id']}/rerun-failed-jobs").json() == {}
    world.wait_idle(30)
    again = api.client.get(f"/actions/runs/{run['id']}").json()
    assert again["run_attempt"] == 2
    assert api.client.get(f"/actions/runs/{run['id']}/attempts/1").json()["conclusion"] == "failure"
    assert len(api.client.get(f"/actions/runs/{run['id']}/jobs", params={"filter": "all"}).json()["jobs"]) == 2


def test_job_that_is_skipped(api, release):
    run = release(
        workflow(job="if: github.event_name == 'release', environment: pypi", jobs="other: {runs-on: x, steps: []}")
    )
    jobs = api.client.get(f"/actions/runs/{run['id']}/jobs").json()["jobs"]
    assert {job["name"]: job["conclusion"] for job in jobs} == {"publish": "skipped", "other": "success"}
    assert run["conclusion"] == "success"


def test_dispatch(world, api, release, checkout):
    release(workflow("{workflow_dispatch: {inputs: {tag: {type: string}}}}"))
    body = {"ref": "main", "inputs": {"tag": "v1.1.0"}, "return_run_details": True}
    reply = api.client.post("/actions/workflows/publish.yml/dispatches", json=body)
    world.wait_idle(30)
    run = api.client.get(f"/actions/runs/{reply.json()['workflow_run_id']}").json()
    assert (run["event"], run["head_branch"], run["conclusion"]) == ("workflow_dispatch", "main", "success")
    without = {"ref": "v1.1.0"}
    assert api.client.post("/actions/workflows/publish.yml/dispatches", json=without).status_code == 204
    world.wait_idle(30)


@pytest.mark.parametrize(
    ("body", "words"),
    [({"ref": "nowhere"}, "No ref found"), ({"ref": "main"}, "does not have 'workflow_dispatch' trigger")],
)
def test_dispatch_that_is_refused(api, body, words):
    reply = api.client.post("/actions/workflows/publish.yml/dispatches", json=body)
    assert (reply.status_code, words in reply.json()["message"]) == (422, True)


def test_lists_are_filtered(api, publish):
    run = publish()
    for query in (
        {"event": "push"},
        {"branch": "v1.1.0"},
        {"status": "success"},
        {"head_sha": run["head_sha"]},
        {"created": ">=2020-01-01"},
    ):
        assert [found["id"] for found in api.runs(**query)] == [run["id"]], query
    for query in ({"event": "release"}, {"branch": "main"}, {"status": "queued"}, {"created": "<2020-01-01"}):
        assert api.runs(**query) == [], query


def test_expired_logs_and_logs_for_nobody(world, api, anonymous, publish):
    run = publish()
    assert anonymous.client.get(f"/actions/runs/{run['id']}/logs").status_code == 403
    job = api.client.get(f"/actions/runs/{run['id']}/jobs").json()["jobs"][0]
    world.expire_logs(run["id"])
    for path in (f"/actions/runs/{run['id']}/logs", f"/actions/jobs/{job['id']}/logs"):
        assert api.client.get(path).status_code == 410
        assert api.client.get(path).json()["status"] == "410"


@pytest.mark.parametrize(
    ("commands", "conclusion", "assets"),
    [
        (["gh release create x dist/*"], "success", 2),
        (["gh release create x --generate-notes", "gh release upload x dist/*"], "success", 2),
        pytest.param(["gh release create x --generate-notes"], "success", 0, marks=pytest.mark.slow),
        pytest.param(
            ["gh release create x dist/*", "gh release upload x dist/*"], "failure", 2, marks=pytest.mark.slow
        ),
        pytest.param(
            ["gh release create x dist/*", "gh release upload x dist/* --clobber"], "success", 2, marks=pytest.mark.slow
        ),
        pytest.param(["gh release create x", "gh release create x"], "failure", 0, marks=pytest.mark.slow),
        pytest.param(
            ["gh release create x --draft", "gh release edit x --draft=false"], "success", 0, marks=pytest.mark.slow
        ),
    ],
)
def test_gh_makes_a_release_as_its_manual_says(world, api, checkout, commands, conclusion, assets):
    steps = ", ".join(f"{{run: {command}}}" for command in commands)
    checkout.commit(WORKFLOW, workflow(steps=f"[{{run: uv build}}, {steps}]"))
    checkout.push()
    checkout.tag("v1.1.0")
    world.wait_idle(120)
    assert api.runs()[0]["conclusion"] == conclusion
    assert len(api.client.get("/releases/tags/v1.1.0").json()["assets"]) == assets


def test_gh_uploads_to_no_release_that_is_not_there(world, api, checkout):
    checkout.commit(WORKFLOW, workflow(steps="[{run: gh release upload x dist/*}]"))
    checkout.push()
    checkout.tag("v1.1.0")
    world.wait_idle(120)
    assert (api.runs()[0]["conclusion"], world.releases) == ("failure", [])


def test_workflow_that_makes_the_release_itself(world, api, checkout):
    announce = "{uses: softprops/action-gh-release@v2, with: {files: dist/*}}"
    steps = f"[{{run: uv build}}, {{uses: actions/upload-artifact@v4, with: {{name: dist}}}}, {announce}]"
    checkout.commit(WORKFLOW, workflow(steps=steps))
    checkout.push()
    checkout.tag("v1.1.0")
    world.wait_idle(120)
    run = api.runs()[0]
    assert run["conclusion"] == "success"
    assets = {asset["name"] for asset in api.client.get("/releases/tags/v1.1.0").json()["assets"]}
    assert assets == {"lockgate_sample-1.0.0.tar.gz", "lockgate_sample-1.0.0-py3-none-any.whl"}
    assert api.client.get(f"/actions/runs/{run['id']}/artifacts").json()["artifacts"][0]["name"] == "dist"


def test_build_that_fails(world, api, checkout):
    checkout.commit(WORKFLOW, workflow(steps=f"[{{run: python -m build}}, {{uses: {PUBLISH}}}]"))
    checkout.commit("pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = 'nothing'\n")
    checkout.push()
    checkout.tag("v1.1.0")
    world.wait_idle(120)
    assert api.runs()[0]["conclusion"] == "failure"
    assert "nothing" in api.log(api.runs()[0]["id"])


def test_missing_release_fails_the_job(world, api, checkout):
    checkout.tag("v1.1.0")
    world.wait_idle(30)
    assert "release not found" in api.log(api.runs()[0]["id"])


@pytest.mark.parametrize(
    ("step", "reaches"),
    [
        ("run: uv publish", True),
        ("run: twine upload -r pypi dist/*", True),
        ("run: 'pip install -r tools.txt\n\n  twine upload dist/*'", True),
        ("run: twine upload --repository testpypi dist/*", False),
        (f"uses: {PUBLISH}, with: {{repository-url: 'https://test.example.com/legacy/'}}", False),
    ],
)
def test_only_uploads_to_the_index_itself_reach_it(world, release, step, reaches):
    run = release(workflow(steps=f"[{{run: gh release download}}, {{{step}}}]"))
    assert run["conclusion"] == "success"
    assert (world.folder / "index/lockgate-sample").exists() is reaches
