"""What Prefect's page of a run shows beside its tasks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from flows.ending import Trail
from flows.waiting_runs import APPROVERS
from lockgate.artifacts import table_of
from lockgate.fixture import Fixture
from lockgate.markdown import is_meant, link, prose
from lockgate.masking import mask_secrets
from lockgate.texts import one_line
from lockgate.timeline import history, picture
from planning.history import earlier_releases
from planning.release import Release
from tasks.showing import artifact_key

log = logging.getLogger(__name__)

APPROVERS_LIMIT = 1000
LINKS = {"index": "on the index", "release": "the GitHub release", "run": "the publish run"}


def name_run(release: Release) -> None:
    """Call this run by project and version, tag it with project and repository, and note who may approve.

    Until the plan is made a run is called by what was asked for.
    """
    me = UUID(flow_run.id)
    with get_client(sync_client=True) as client:
        tags = {*client.read_flow_run(me).tags, one_line(release.settings.project), one_line(release.slug)}
        client.update_flow_run(me, name=one_line(release.label), tags=sorted(tags))
        client.update_flow_run_labels(me, {APPROVERS: one_line(", ".join(release.settings.approvers), APPROVERS_LIMIT)})


def show_summary(trail: Trail) -> None:
    """Leave the summary with the timeline and the history, and links to what was published; nothing before the first step.

    A picture ends no release: what keeps it from being made is only logged.
    """
    release, fixture = trail.release, trail.fixture
    if release is None or fixture is None or not (timeline := picture(fixture)):
        return
    try:
        known = {one.version: one for one in earlier_releases(release)} | {fixture.version: fixture}
        parts = (
            _links(fixture.urls, release.hosts),
            _evidence(fixture),
            timeline,
            history(tuple(known.values()), release.hosts),
        )
        text = "\n\n".join((f"# {prose(release.label)}", *(one for one in parts if one)))
        create_markdown_artifact(
            mask_secrets(text), key=artifact_key(release, "summary"), description=prose(f"{release.label}: summary")
        )
        for name, url in fixture.urls.items():
            if not is_meant(url, release.hosts):
                continue
            create_link_artifact(
                url, link_text=prose(f"{release.label}: {LINKS.get(name, name)}"), key=artifact_key(release, f"link-{name}"),
                description=prose(f"{release.label}: {LINKS.get(name, name)}"),
            )  # fmt: skip
    except Exception as error:  # noqa: BLE001 - see above: whatever it is, the release ended as it did
        log.warning("The summary was not made: %s: %s", type(error).__name__, error)


def _evidence(fixture: Fixture) -> str:
    """The artifacts with their digests, and where the tests ran."""
    files = table_of(fixture.artifacts) if fixture.artifacts else ""
    tests = f"Tests: {prose(fixture.tests.sentence)}." if fixture.tests else ""
    return "\n\n".join(one for one in (files, tests) if one)


def _links(urls: Mapping[str, str], hosts: Sequence[str]) -> str:
    return "\n".join(f"- {link(LINKS.get(name, name), url, hosts)}" for name, url in urls.items())
