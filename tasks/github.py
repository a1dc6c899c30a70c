"""Steps 7 and 8: the release environment, the draft release, its artifacts and the tag."""

from __future__ import annotations

import logging
from dataclasses import replace

from prefect import task

from clients import git_remote, git_tags, git_workspace, github_releases
from lockgate import releases
from lockgate.errors import NotVisibleError, Problem, RefusedError
from lockgate.markdown import prose
from lockgate.outcome import StepResult
from lockgate.workflows import ReleaseShare
from planning import again, asking, checks
from planning.changes import what_changed
from planning.release import Release
from tasks.github_release import ensure_draft, publish_release, upload_artifact
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
    warnings = "".join(f"\n- {prose(warning)}" for warning in finding.warnings)
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
    workflow, files, _ = checks.find_workflow(release, work.origin)
    share = checks.release_share(release, workflow, files)
    done = [] if share.leaves_release else export_artifacts(work, share)
    if push_tag(work):
        done.append(release.tag)
    built = () if share.leaves_assets else work.fixture.artifacts
    if workflow.trigger == "release" and publish_release(work, built)[1]:
        done.append("published the release")
    what = share.words or f"{len(work.fixture.artifacts)} artifacts"
    says = f"tag {release.tag} at {work.fixture.release_commit[:12]}, {what}"
    return StepResult("done" if done else "already done", f"{says}; {', '.join(done)}" if done else says)


def export_artifacts(work: Work, share: ReleaseShare) -> list[str]:
    """The draft, and the artifacts in it unless a workflow uploads them; what was done now.

    Refuses a draft that holds distributions which were not built by this release.
    """
    draft, made = ensure_draft(work)
    if share.leaves_assets:
        return ["draft"] * made
    foreign = releases.check_assets(work.fixture.artifacts, github_releases.list_assets(work.release.hub, draft))
    if foreign:
        raise RefusedError(*foreign)
    uploaded = [one.name for one in work.fixture.artifacts if upload_artifact(work, draft, one)]
    return ["draft"] * made + uploaded


def check_everything_again(work: Work) -> None:
    """Refuse unless all that the tag relies on is so at this very moment."""
    problems = again.problems_before_tag(work.release, work.origin, work.fixture)
    if problems:
        raise RefusedError(*problems)


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
    message = releases.tag_message(release.label, work.fixture.artifacts)
    git_tags.create_tag(release.workspace, release.tag, commit, message, sign=release.settings.sign_tags)
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
