"""The GitHub release as steps 8 and 10 make it, each move once: draft, assets, publication, and the comparison of its files.

A foundation of both: what a workflow is left to do in step 8 is done, or found missing and made up for, in step 10.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from clients import github, github_actions, github_releases
from lockgate import releases, runs
from lockgate.artifacts import Artifact
from lockgate.changelogs import changelog_section
from lockgate.errors import DeadlineError, NotVisibleError, Problem, RefusedError
from lockgate.github import GithubRelease
from lockgate.publication import Differences, Verdict
from lockgate.texts import block
from lockgate.workflows import ReleasePart, ReleaseShare
from planning import survey
from planning.release import Release
from tasks.work import Work, poll

log = logging.getLogger(__name__)

NOTES_LIMIT = 100_000
"""Characters; GitHub takes 125,000."""


def ensure_draft(work: Work) -> tuple[GithubRelease, bool]:
    """The move that makes the draft release, exactly once; the release, and whether it was made now.

    A lost reply is no special case: the next attempt finds the draft. Raises NotVisibleError when GitHub does not list it.
    """
    found = own_release(work)
    if found is not None:
        return found, False
    release = work.release
    github_releases.create_draft(
        release.hub, release.tag, work.fixture.release_commit, f"{release.label}", _notes(work),
        prerelease=release.version.is_prerelease,
    )  # fmt: skip
    seen = own_release(work)
    if seen is None:
        raise NotVisibleError(
            Problem(
                f"GitHub lists no release of {release.tag!r} after it was made", "the draft", "look again in a moment"
            )
        )
    return seen, True


def put_away_draft(release: Release, commit: str) -> tuple[str, ...]:
    """The move that deletes the draft which was made for a release commit that is given up; the addresses of what it deleted.

    What is public, and a draft for another commit, is left alone. Without a token no draft is to be seen, and none was made.
    Raises NotVisibleError while GitHub lists it still.
    """
    if not commit or not release.hub.token:
        return ()
    found = releases.drafts_for(github_releases.find_releases(release.hub, release.tag), release.tag, commit)
    for draft in found:
        github_releases.delete_draft(release.hub, draft)
    if found and releases.drafts_for(github_releases.find_releases(release.hub, release.tag), release.tag, commit):
        raise NotVisibleError(
            Problem("GitHub lists a draft that was deleted", "no such draft", "look again in a moment")
        )
    return tuple(draft.html_url for draft in found)


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


def publish_release(work: Work, assets: Sequence[Artifact]) -> tuple[GithubRelease, bool]:
    """The move that makes the release public; the release, and whether that was done now.

    Refuses a draft without one of these assets. Raises NotVisibleError while GitHub shows a draft still, or nothing.
    """
    found = own_release(work)
    if found is not None and releases.decide_publication(found, assets) == "done":
        return found, False
    if found is not None:
        github_releases.publish_release(work.release.hub, found)
    seen = own_release(work)
    if seen is None or seen.draft:
        state = "not to be seen" if seen is None else "still a draft"
        raise NotVisibleError(
            Problem(f"the release of {work.release.tag!r} is {state}", "a public release", "look again")
        )
    return seen, True


def settle_release(work: Work, share: ReleaseShare, differences: Differences) -> tuple[GithubRelease, Verdict]:
    """Step 10's part: once every workflow that touches the release has ended, complete it, compare it, make it public.

    Raises RefusedError for other bytes where these refuse, DeadlineError when such a workflow's run does not end in time.
    """
    # Once recorded, all of them had ended; by now their runs may have left the list.
    awaited = () if work.fixture.urls else share.awaited
    await_runs(work, [part for part in awaited if part not in share.beside])
    found, _ = ensure_draft(work)
    verdict = complete_assets(work, found, differences)
    same = {file.name for file in verdict.files if file.state == "same"}
    found, _ = publish_release(work, [one for one in work.fixture.artifacts if one.name in same])
    later = [part for part in awaited if part in share.beside]
    if later:
        await_runs(work, later)
        verdict = complete_assets(work, found, differences)
    return found, verdict


def complete_assets(work: Work, found: GithubRelease, differences: Differences) -> Verdict:
    """Upload what no workflow uploaded, and compare all by digest, as the files on the index are compared.

    A frozen release that lacks files is only reported where differences are. Raises RefusedError for other bytes or files
    where these refuse.
    """
    artifacts, hub = work.fixture.artifacts, work.release.hub
    verdict = releases.judge_assets(artifacts, github_releases.list_assets(hub, found), differences=differences)
    if verdict.kind == "not-visible" and found.immutable and differences == "report":
        log.warning("The release is frozen without %s", ", ".join(verdict.missing))
        return verdict
    if verdict.kind == "not-visible":
        missing = [one for one in artifacts if one.name in verdict.missing]
        uploaded = [one.name for one in missing if upload_artifact(work, found, one)]
        log.info("No workflow uploaded %s to the release: done now", ", ".join(uploaded))
        verdict = releases.judge_assets(artifacts, github_releases.list_assets(hub, found), differences=differences)
    problems = releases.asset_problems(verdict, found)
    if problems:
        raise RefusedError(*problems)
    return verdict


def await_runs(work: Work, parts: Sequence[ReleasePart]) -> None:
    """Wait until the runs that these workflows have for the tag have ended, however they ended.

    One that has none after the configured time is taken to have none. Raises DeadlineError when one goes on too long.
    """
    release, settings = work.release, work.release.settings
    for part in parts:

        def look(waited: float, part: ReleasePart = part) -> bool | None:
            listed = github_actions.list_runs(release.hub, part.path)
            commit = work.fixture.release_commit
            ours = runs.runs_of(listed, tag=release.tag, commit=commit, workflow=part.path, event=part.event)
            ended = bool(ours) and all(run.status == runs.COMPLETED for run in ours)
            return ended or (True if not ours and waited >= settings.run_timeout else None)

        if poll(max(settings.publish_timeout, 2 * settings.run_timeout), look) is None:
            raise DeadlineError(
                Problem(
                    f"the run of {part.path} for {release.tag!r}, which touches the release, did not end in time",
                    "that it has ended, so that the release's files can be compared once and for all",
                    "see what it waits for; the same command goes on waiting",
                )
            )


def own_release(work: Work) -> GithubRelease | None:
    """The one release of this tag, draft or public; None without one. Refuses two, and a draft for another commit."""
    release = work.release
    found = github_releases.find_releases(release.hub, release.tag)
    return releases.decide_draft(found, release.tag, work.fixture.release_commit)


def _notes(work: Work) -> str:
    """The release's notes: the changelog's section of this version, else what GitHub generates.

    They are the project's Markdown on its own page, of a size that GitHub takes and with nothing hidden in it.
    """
    release, path = work.release, work.release.settings.release_notes
    data = survey.read_optional(release, work.fixture.release_commit, path) if path else None
    section = changelog_section(data.decode(errors="replace"), release.version) if data else ""
    notes = section or github.generate_notes(release.hub, release.tag, work.fixture.release_commit).body
    return block(notes, NOTES_LIMIT)
