"""Steps 7 and 8: the release environment, the draft release, its artifacts and the tag."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from prefect import task

from clients import git, git_remote, git_tags, git_workspace, github, github_releases
from lockgate import releases
from lockgate.artifacts import Artifact
from lockgate.changelogs import changelog_section
from lockgate.errors import NotVisibleError, Problem, RefusedError
from lockgate.github import GithubRelease
from lockgate.outcome import StepResult
from planning import again, asking, checks
from planning.changes import what_changed
from planning.release import Release
from tasks.policy import policy
from tasks.work import Work, carry_out

log = logging.getLogger(__name__)

LOG_LIMIT_BYTES = 200 * 1024 * 1024
RUN_APPEARS_SECONDS = 120.0


@task(**policy("environment"))
def verify_environment(release: Release) -> StepResult:
    """Step 7: everything that the tag, the release and the publish run need on GitHub, all problems at once.

    Raises RefusedError with an instruction for each.
    """
    return carry_out(release, "environment", _verify_environment)


def _verify_environment(work: Work) -> StepResult:
    finding = checks.release_environment(work.release, work.origin)
    if finding.problems:
        raise RefusedError(*finding.problems)
    warnings = "".join(f"\n- {warning}" for warning in finding.warnings)
    release, fixture = work.release, work.fixture
    question = asking.about_publishing(release, work.origin, fixture, lambda: what_changed(release, fixture.artifacts))
    return StepResult("done", finding.says, question, f"{finding.details}\n{warnings}")


@task(**policy("export"))
def export_and_tag(release: Release) -> StepResult:
    """Step 8, the point of no return: look at everything again, then draft release, artifacts, tag.

    Raises RefusedError when anything that was relied on is no longer so, when a release or tag of that name is
    another's, and when a signature that was asked for is missing.
    """
    return carry_out(release, "export", _export_and_tag)


def _export_and_tag(work: Work) -> StepResult:
    check_everything_again(work)
    release = work.release
    workflow, _, _ = checks.find_workflow(release, work.origin)
    done = []
    if not workflow.creates_release:
        draft, made = ensure_draft(work)
        foreign = releases.check_assets(work.fixture.artifacts, github_releases.list_assets(release.hub, draft))
        if foreign:
            raise RefusedError(*foreign)
        uploaded = [one.name for one in work.fixture.artifacts if upload_artifact(work, draft, one)]
        done += ["draft"] * made + uploaded
    if push_tag(work):
        done.append(release.tag)
    if workflow.trigger == "release" and not workflow.creates_release and publish_release(work):
        done.append("published the release")
    says = f"tag {release.tag} at {work.fixture.release_commit[:12]}, {len(work.fixture.artifacts)} artifacts"
    return StepResult("done" if done else "already done", f"{says}; {', '.join(done)}" if done else says)


def check_everything_again(work: Work) -> None:
    """Refuse unless all that the tag relies on is so at this very moment."""
    problems = again.problems_before_tag(work.release, work.origin, work.fixture)
    if problems:
        raise RefusedError(*problems)


def ensure_draft(work: Work) -> tuple[GithubRelease, bool]:
    """The move that makes the draft release, exactly once; the release, and whether it was made now.

    A lost reply is no special case: the next attempt finds the draft. Raises NotVisibleError when GitHub does not list it.
    """
    found = _own_release(work)
    if found is not None:
        return found, False
    release = work.release
    github_releases.create_draft(
        release.hub, release.tag, work.fixture.release_commit, f"{release.label}", _notes(work),
        prerelease=release.version.is_prerelease,
    )  # fmt: skip
    seen = _own_release(work)
    if seen is None:
        raise NotVisibleError(
            Problem(
                f"GitHub lists no release of {release.tag!r} after it was made", "the draft", "look again in a moment"
            )
        )
    return seen, True


def upload_artifact(work: Work, draft: GithubRelease, artifact: Artifact) -> bool:
    """The move that uploads one artifact, decided by its digest; True when it was uploaded now.

    Replaces what a broken upload left; refuses another digest. Raises NotVisibleError when it is not listed afterwards.
    """
    release = work.release
    found = releases.find_asset(artifact, github_releases.list_assets(release.hub, draft))
    decision = releases.decide_asset(artifact, found)
    if decision == "done":
        return False
    if decision == "replace" and found is not None:
        github_releases.delete_asset(release.hub, found)
    with tempfile.TemporaryDirectory(dir=release.workspace.parent) as folder:
        path = Path(folder) / artifact.name
        release.store.fetch(artifact.sha256, path)
        github_releases.upload_asset(release.hub, draft, path)
    seen = releases.find_asset(artifact, github_releases.list_assets(release.hub, draft))
    if seen is None or releases.decide_asset(artifact, seen) != "done":
        raise NotVisibleError(
            Problem(f"the release does not show {artifact.name} yet", "the uploaded artifact", "look again in a moment")
        )
    return True


def push_tag(work: Work) -> bool:
    """The move of no return: make the annotated tag, check its signature, push it plainly; True when it was pushed now.

    Refuses a tag of that name at another commit. One that only the workspace has was never pushed, or was declined: it is made
    anew, as the settings say now. Raises NotVisibleError when origin does not show it afterwards.
    """
    release, commit = work.release, work.fixture.release_commit
    work.look_again()
    found, its_object = work.origin.tags.get(release.tag), work.origin.tag_objects.get(release.tag, "")
    if releases.decide_tag(found, commit, release.tag, tag_object=its_object) == "done":
        work.fixture = replace(work.fixture, tag_pushed=True)
        return False
    git_workspace.drop_tag(release.workspace, release.tag)
    git_tags.create_tag(release.workspace, release.tag, commit, release.label, sign=release.settings.sign_tags)
    if release.settings.sign_tags:
        git_tags.verify_tag(release.workspace, release.tag)
    work.fixture = replace(work.fixture, tag_pushed=True)
    try:
        git_remote.push_tag(release.workspace, release.origin_url, release.origin_token, release.tag)
    except RefusedError:
        work.look_again()
        work.fixture = replace(work.fixture, tag_pushed=release.tag in work.origin.tags)
        raise
    work.look_again()
    if work.origin.tags.get(release.tag) != commit:
        raise NotVisibleError(Problem(f"origin does not show tag {release.tag!r}", "the pushed tag", "look again"))
    return True


def publish_release(work: Work) -> bool:
    """The move that makes the release public where that is what starts the publish workflow; True when it was done now."""
    found = _own_release(work)
    if found is None or releases.decide_publication(found, work.fixture.artifacts) == "done":
        return False
    github_releases.publish_release(work.release.hub, found)
    seen = _own_release(work)
    if seen is None or seen.draft:
        problem = Problem(f"the release of {work.release.tag!r} is still a draft", "a public release", "look again")
        raise NotVisibleError(problem)
    return True


def _own_release(work: Work) -> GithubRelease | None:
    release = work.release
    found = github_releases.find_releases(release.hub, release.tag)
    return releases.decide_draft(found, release.tag, work.fixture.release_commit)


def _notes(work: Work) -> str:
    """The release's notes: the changelog's section of this version, else what GitHub generates."""
    release, path = work.release, work.release.settings.release_notes
    data = git.read_file(release.workspace, work.fixture.release_commit, path) if path else None
    section = changelog_section(data.decode(errors="replace"), release.version) if data else ""
    return section or github.generate_notes(release.hub, release.tag, work.fixture.release_commit).body
