"""What only Prefect's pages need ends no release."""

from __future__ import annotations

import logging
import os
from uuid import uuid4

import httpx
import pytest
from prefect import flow, task
from prefect.artifacts import update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from lockgate.request import Request
from planning.opening import open_release
from tasks.showing import artifact_key, nice_to_have, show


def in_a_task(call) -> str:
    @task
    def works():
        call()
        return "went on"

    @flow(name="shows")
    def shows():
        return works()

    return shows()


def test_text_is_kept_under_the_steps_title(sandbox, prefect_api):
    release = open_release(Request(sandbox.origin_url, "7.1"), os.environ)
    assert in_a_task(lambda: show(release, "artifacts", "**done**")) == "went on"
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[artifact_key(release, "artifacts")]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=wanted)[0]
    assert (found.key, found.data) == ("artifacts-example-lockgate-sample-7-1", "**done**")
    assert found.description == "Step 4: Build release artifacts (lockgate-sample 7.1)"


def test_what_prefect_refuses_is_logged(prefect_api, caplog):
    def update():
        with nice_to_have("The bar"):
            update_progress_artifact(uuid4(), progress=50.0)

    with caplog.at_level(logging.WARNING):
        assert in_a_task(update) == "went on"
    assert "The bar is not shown in Prefect's pages: PrefectHTTPStatusError" in caplog.text


def test_server_that_is_gone_is_logged(caplog):
    with caplog.at_level(logging.WARNING), nice_to_have("The plan"):
        httpx.get("http://127.0.0.1:9/api/artifacts", timeout=5)
    assert "The plan is not shown in Prefect's pages: ConnectError" in caplog.text


def test_errors_of_ours_are_errors():
    with pytest.raises(ZeroDivisionError), nice_to_have("The plan"):
        1 / 0  # noqa: B018
