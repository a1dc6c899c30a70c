"""Every answer of the GitHub stand-in fits GitHub's own description, as githubkit's models have it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from githubkit.compat import type_validate_python
from githubkit_schemas.latest import models

from sandbox.github_api import ROUTES

POLICIES = models.ReposOwnerRepoEnvironmentsEnvironmentNameDeploymentBranchPoliciesGetResponse200
LISTS = [
    ("/releases", models.Release),
    ("/releases/{release}/assets", models.ReleaseAsset),
    ("/git/matching-refs/tags/v", models.GitRef),
    ("/tags", models.Tag),
    ("/rulesets", models.RepositoryRuleset),
    ("/actions/runs/{waiting}/pending_deployments", models.PendingDeployment),
    ("/actions/runs/{run}/approvals", models.EnvironmentApprovals),
]
SINGLE = [
    ("", models.FullRepository),
    ("/releases/latest", models.Release),
    ("/releases/tags/v1.1.0", models.Release),
    ("/releases/{release}", models.Release),
    ("/releases/assets/{asset}", models.ReleaseAsset),
    ("/git/ref/tags/v1.1.0", models.GitRef),
    ("/git/tags/{tag}", models.GitTag),
    ("/commits/main", models.Commit),
    ("/commits/v1.1.0/check-runs", models.ReposOwnerRepoCommitsRefCheckRunsGetResponse200),
    ("/commits/main/status", models.CombinedCommitStatus),
    ("/compare/v1.0.0...main", models.CommitComparison),
    ("/rulesets/{ruleset}", models.RepositoryRuleset),
    ("/environments", models.ReposOwnerRepoEnvironmentsGetResponse200),
    ("/environments/pypi", models.Environment),
    (
        "/environments/pypi/deployment-branch-policies",
        POLICIES,
    ),
    ("/actions/workflows", models.ReposOwnerRepoActionsWorkflowsGetResponse200),
    ("/actions/workflows/publish.yml", models.Workflow),
    ("/actions/workflows/publish.yml/runs", models.ReposOwnerRepoActionsWorkflowsWorkflowIdRunsGetResponse200),
    ("/actions/runs", models.ReposOwnerRepoActionsRunsGetResponse200),
    ("/actions/runs/{run}", models.WorkflowRun),
    ("/actions/runs/{run}/attempts/1", models.WorkflowRun),
    ("/actions/runs/{run}/jobs", models.ReposOwnerRepoActionsRunsRunIdJobsGetResponse200),
    (
        "/actions/runs/{run}/attempts/1/jobs",
        models.ReposOwnerRepoActionsRunsRunIdAttemptsAttemptNumberJobsGetResponse200,
    ),
    ("/actions/jobs/{job}", models.Job),
    ("/actions/runs/{run}/artifacts", models.ReposOwnerRepoActionsRunsRunIdArtifactsGetResponse200),
    ("/immutable-releases", models.CheckImmutableReleases),
    ("/attestations/sha256:00", models.ReposOwnerRepoAttestationsSubjectDigestGetResponse200),
    ("/actions/permissions/artifact-and-log-retention", models.ActionsArtifactAndLogRetentionResponse),
]
OUTSIDE = [("/user", models.PublicUser), ("/rate_limit", models.RateLimitOverview)]
REDIRECTS = ["/actions/runs/{run}/logs", "/actions/runs/{run}/attempts/1/logs", "/actions/jobs/{job}/logs"]


@pytest.fixture
def seen(world, api, checkout, publish) -> SimpleNamespace:
    """A world that has something of everything: a finished run with a review, one that waits, rules, environments."""
    world.set_environment("pypi", reviewers=["example"], policies=[("v*", "tag")], wait_timer=1)
    world.grant(checks="read")
    ruleset = world.add_ruleset(include=["refs/tags/old*"])
    run = publish()
    waiting = api.client.get(f"/actions/runs/{run['id']}/pending_deployments").json()
    body = {"environment_ids": [waiting[0]["environment"]["id"]], "state": "approved", "comment": "fine"}
    reviewed = api.client.post(f"/actions/runs/{run['id']}/pending_deployments", json=body)
    assert reviewed.status_code == 200
    world.wait_idle(30)
    world.add_check_run(run["head_sha"], "ci")
    release = api.client.get("/releases").json()[0]
    world.set_immutable(True)
    published = api.client.patch(f"/releases/{release['id']}", json={"draft": False}).json()
    checkout.tag("v1.2.0")
    world.wait_idle(30)
    tag = api.client.get("/git/ref/tags/v1.1.0").json()["object"]["sha"]
    job = api.client.get(f"/actions/runs/{run['id']}/jobs").json()["jobs"][0]["id"]
    numbers = {"release": release["id"], "asset": release["assets"][0]["id"], "run": run["id"], "ruleset": ruleset}
    return SimpleNamespace(
        **numbers, waiting=api.runs()[0]["id"], tag=tag, job=job, published=published, reviewed=reviewed.json()
    )


def _get(api: Any, path: str, seen: SimpleNamespace) -> Any:
    reply = api.client.get(str(api.client.base_url).rstrip("/") + path.format(**vars(seen)))
    assert reply.status_code == 200, (path, reply.text)
    return reply.json()


def test_every_answer_fits_githubs_models(world, api, seen):
    """One world for all endpoints; the table below must name every GET route."""
    for path, model in SINGLE:
        type_validate_python(model, _get(api, path, seen))
    for path, model in LISTS:
        items = _get(api, path, seen)
        assert items, path
        type_validate_python(list[model], items)
    for path, model in OUTSIDE:
        reply = httpx.get(f"{world.api_url}{path}", headers={"authorization": f"token {world.token}"})
        type_validate_python(model, reply.json())
    for path in REDIRECTS:
        assert api.client.get(path.format(**vars(seen))).status_code == 302
    type_validate_python(models.Release, seen.published)
    type_validate_python(list[models.Deployment], seen.reviewed)
    assert seen.published["immutable"] is True


def test_the_table_names_every_route():
    paths = [path for path, _ in (*SINGLE, *LISTS)] + REDIRECTS
    full = [
        "/api/v3/repos/o/r" + path.format(release=1, asset=1, run=1, waiting=1, job=1, ruleset=1, tag=1)
        for path in paths
    ]
    full += [f"/api/v3{path}" for path, _ in OUTSIDE]
    missed = [
        r.pattern.pattern for r in ROUTES if r.method == "GET" and not any(r.pattern.match(path) for path in full)
    ]
    assert missed == []


def test_every_route_names_its_page():
    words = [
        route.endpoint.__name__
        for route in ROUTES
        if "https://docs.github.com/en/rest/" not in str(route.endpoint.__doc__)
    ]
    assert words == []


def test_created_things_fit_too(world, api, checkout):
    sha = checkout.git("rev-parse", "HEAD").stdout.strip()
    tag = api.client.post("/git/tags", json={"tag": "t", "message": "m", "object": sha, "type": "commit"})
    type_validate_python(models.GitTag, tag.json())
    ref = api.client.post("/git/refs", json={"ref": "refs/tags/t", "sha": tag.json()["sha"]})
    type_validate_python(models.GitRef, ref.json())
    assert (tag.status_code, ref.status_code) == (201, 201)
    release = api.client.post("/releases", json={"tag_name": "v9", "draft": True})
    type_validate_python(models.Release, release.json())
    assert release.headers["location"] == release.json()["url"]
    type_validate_python(models.ReleaseAsset, api.upload(release.json(), "a.zip", b"a").json())
    notes = api.client.post("/releases/generate-notes", json={"tag_name": "v9", "previous_tag_name": "v1.0.0"})
    type_validate_python(models.ReleaseNotesContent, notes.json())


def test_errors_fit_githubs_models(world, api):
    type_validate_python(models.BasicError, api.client.get("/releases/1").json())
    release = api.release("v9", {"a.zip": b"a"})
    type_validate_python(models.ValidationError, api.upload(release, "a.zip", b"b").json())
