"""Steps 6 and 10: who may publish to the index, and what it shows afterwards."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from prefect import task

from clients import attestations, index, installation
from lockgate import workflows
from lockgate.artifacts import Artifact, kind_of
from lockgate.attestations import Certificate, ReleaseIdentity, attestation_problems
from lockgate.errors import DeadlineError, RefusedError
from lockgate.fixture import Claims
from lockgate.github import GithubRelease
from lockgate.outcome import StepResult
from lockgate.publication import (
    Differences,
    IndexFile,
    Verdict,
    judge_visibility,
    publication_problems,
    rebuilt_rule,
    version_files,
)
from lockgate.workflows import PublishWorkflow
from planning import asking, checks, survey
from planning.agreeing import check_agreement
from planning.isolation import rights_for
from planning.release import Release
from tasks.github_release import settle_release
from tasks.policy import policy
from tasks.work import Work, carry_out, poll

log = logging.getLogger(__name__)


@task(**policy("publisher"))
def confirm_publisher(release: Release) -> StepResult:
    """Step 6: the publish workflow at the release commit fits the tag; its claims are compared and shown to a person.

    Raises RefusedError with everything that would keep the workflow from publishing.
    """
    return carry_out(release, "publisher", _confirm_publisher)


def _confirm_publisher(work: Work) -> StepResult:
    release = work.release
    finding = checks.publisher(release, work.origin)
    if finding.problems:
        raise RefusedError(*finding.problems)
    workflow, _, _ = checks.find_workflow(release, work.origin)
    claims = workflows.claims_for(workflow, repository=release.slug, tag=release.tag)
    moved = workflows.moved_from(claims, survey.previous_publisher(release, survey.look_at_index(release)))
    presented = Claims(claims.owner, claims.repository, claims.workflow, claims.environment, claims.ref, moved)
    work.fixture = replace(work.fixture, publisher=presented)
    question = asking.about_publisher(release, work.origin, work.fixture, finding)
    return StepResult("done", finding.says, question if finding.asks else None, question.found)


@task(**policy("record"))
def record_publication(release: Release) -> StepResult:
    """Step 10: wait until the index shows the files, prove that they are the built ones, publish the release, record it.

    Raises DeadlineError after the configured time without the files, RefusedError for other bytes than the built ones.
    """
    return carry_out(release, "record", _record_publication)


def _record_publication(work: Work) -> StepResult:
    release = work.release
    if problems := check_agreement(release, work.origin, work.fixture):
        raise RefusedError(*problems)
    workflow, files, _ = checks.find_workflow(release, work.origin)
    differences = rebuilt_rule(release.settings.rebuilt, downloads_assets=workflow.downloads_assets)
    verdict, found = wait_until_visible(work, differences)
    if not work.fixture.index_files:
        attested = check_attestations(work, workflow, found)
        on_index = [Artifact(file.name, file.sha256, file.size or 0, kind_of(file.name)) for file in found]
        installed = installation.install_release(
            release.index_url,
            release.settings.project,
            release.version,
            on_index,
            on_line=log.info,
            rights=rights_for(release, "build"),
        )
        log.info("%s", installed.note or f"{installed.wheel} installs from the index")
        log.info("%d attestations of %d files verified", attested, len(found))
    published, assets = settle_release(work, checks.release_share(release, workflow, files), differences)
    before = work.fixture
    work.fixture = replace(before, urls=_urls(work, published), index_files={file.name: file.sha256 for file in found})
    changed = work.fixture != before
    says = (
        "byte for byte the built ones" if verdict.identical else "not all byte for byte the built ones (see the table)"
    )
    where = work.fixture.urls["index"]
    evidence = f"{len(found)} files on the index, {says}: {where}"
    details = verdict.table()
    if not assets.identical:
        evidence += "; the GitHub release has other files than the built ones (see the table)"
        details += f"\n\nOn the GitHub release:\n\n{assets.table('in the release')}"
    return StepResult("done" if changed else "already done", evidence, details=details)


def _urls(work: Work, published: GithubRelease) -> dict[str, str]:
    release, run = work.release, work.fixture.workflow_run
    page = index.project_page_url(release.index_url, release.settings.project, release.version)
    urls = {"index": page, "release": published.html_url}
    if run is not None:
        urls["run"] = run.url
    return urls


def check_attestations(work: Work, workflow: PublishWorkflow, found: Sequence[IndexFile]) -> int:
    """Verify what the index has of attestations; how many there are.

    Raises RefusedError when one does not verify or was made for another commit, tag or run, and, where the settings
    require attestations, when a file has none.
    """
    release, run = work.release, work.fixture.workflow_run
    expected = ReleaseIdentity(
        release.slug, workflow.file, work.fixture.release_commit, release.tag, str(run.id) if run else ""
    )
    certificates: list[Certificate] = []
    for file in found:
        text = index.read_provenance(file) if file.provenance else None
        if text is not None:
            certificates += attestations.verify(
                text, name=file.name, sha256=file.sha256, repository=release.slug, workflow=workflow.file
            )
    names = [file.name for file in found]
    required = release.settings.attestations == "require"
    problems = attestation_problems(names, certificates, expected, required=required)
    if problems:
        raise RefusedError(*problems)
    return len(certificates)


def wait_until_visible(work: Work, differences: Differences) -> tuple[Verdict, Sequence[IndexFile]]:
    """Look at the index until it shows every file; gives the verdict and the index's files of this version.

    Raises RefusedError for other bytes, DeadlineError after the configured time.
    """
    release = work.release
    seen: list[Verdict] = []

    def look(waited: float) -> tuple[Verdict, Sequence[IndexFile]] | None:
        listed = version_files(survey.look_at_index(release), release.version)
        page = index.observe_release(release.index_url, release.settings.project, release.version)
        verdict = judge_visibility(work.fixture.artifacts, page, listed, differences=differences)
        seen[:] = [verdict]
        if verdict.kind == "differs":
            raise RefusedError(*publication_problems(verdict, release.version, release.index_url))
        if verdict.kind != "published":
            log.info("Not visible yet after %.0f s: %s", waited, ", ".join(verdict.missing))
        return (verdict, listed) if verdict.kind == "published" else None

    found = poll(release.settings.visibility_timeout, look)
    if found is None:
        raise DeadlineError(*publication_problems(seen[0], release.version, release.index_url))
    return found
