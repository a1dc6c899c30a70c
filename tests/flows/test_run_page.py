"""What the page of a finished release shows: its name, its tags, the summary, links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact

from flows.release_flow import release
from flows.waiting_runs import APPROVERS
from tests.stages import ORDER, Stages


@pytest.fixture
def finished(
    stages: Stages, prefect_api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[SyncPrefectClient, UUID]]:
    """A release whose steps are all done but the last, taken up again and finished."""
    with stages.copy(ORDER[-1], tmp_path / "stage") as stage, get_client(sync_client=True) as client:
        for name, value in stage.environ().items():
            monkeypatch.setenv(name, value)
        state = release(stage.request(), return_state=True)
        assert state.name == "Released", state.message
        assert state.state_details.flow_run_id is not None
        yield client, state.state_details.flow_run_id


def artifacts(client: SyncPrefectClient, run: UUID) -> dict[str, Artifact]:
    """The artifacts of a run that belong to none of its tasks."""
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    return {str(one.key): one for one in client.read_artifacts(artifact_filter=mine, limit=200) if not one.task_run_id}


def test_a_finished_run_has_name_tags_summary_and_links(finished: tuple[SyncPrefectClient, UUID]) -> None:
    client, run_id = finished
    run = client.read_flow_run(run_id)
    assert run.name == "lockgate-sample 1.1.0"
    assert {"lockgate-sample", "example/lockgate-sample"} <= set(run.tags)
    assert run.labels[APPROVERS] == ""
    found = artifacts(client, run_id)
    summary = str(found["summary-example-lockgate-sample-1-1-0"].data)
    assert "## Timeline" in summary
    assert "| 11 | Capture PyPI publish logs |" in summary
    assert "## Releases of lockgate-sample" in summary
    links = {key: str(one.data) for key, one in found.items() if key.startswith("link-")}
    assert len(links) == 3
    assert "/project/lockgate-sample/1.1.0" in links["link-index-example-lockgate-sample-1-1-0"]
