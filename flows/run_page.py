"""What Prefect's page of a run shows beside its tasks."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from planning.release import Release


def name_run(release: Release) -> None:
    """Call this run by project and version; until the plan is made it is called by what was asked for."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run.id), name=release.label)
