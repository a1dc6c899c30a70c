"""What a release left everywhere, looked at once, for the way back."""

from __future__ import annotations

import logging
import shlex

from packaging.version import Version

from clients import git, git_tags, github_actions, github_releases, index
from lockgate import runs, undo
from lockgate.checkouts import TRAILER
from lockgate.errors import LockgateError, Problem, RefusedError, SettingsError, refused
from lockgate.fixture import Fixture, from_json
from lockgate.github import Run
from lockgate.repository import Origin
from lockgate.undo import Traces
from lockgate.versions import next_version, released_versions
from planning import record, survey
from planning.proofs import is_own
from planning.release import Release

log = logging.getLogger(__name__)


def look_for_traces(release: Release) -> Traces:
    """Everything that carries this version and is Lockgate's, as it is now; nothing is changed.

    Refuses without a GitHub token, since drafts are invisible then. Raises UnavailableError when something does not answer.
    """
    if not release.hub.token:
        raise refused(
            "no GitHub token was found, and without one drafts cannot be seen", "a token in GH_TOKEN or GITHUB_TOKEN",
            "set GH_TOKEN, then run again",
        )  # fmt: skip
    origin = survey.look_at_origin(release)
    fixture = record.find(release, origin)
    commits = commits_of(release, fixture)
    tagged = origin.tags.get(release.tag, "")
    found = github_releases.find_releases(release.hub, release.tag)
    public = [one for one in found if not one.draft]
    return Traces(
        label=release.label, version=str(release.version), tag=release.tag, branch=release.settings.branch,
        following=_following(release, origin), fixture=fixture,
        commits=commits_in_force(release, origin), local=_local_commits(release, origin),
        tagged=tagged if tagged in commits else "",
        kept_tag=release.tag not in origin.tags and git_tags.tag_commit(release.workspace, release.tag) is not None,
        drafts=tuple(one for one in found if one.draft and one.target_commitish in commits),
        published=public[0] if public and tagged in commits else None,
        run=_publish_run(release, fixture),
        on_index=tuple(sorted(survey.look_at_version(release).digests(release.version))) if commits else (),
        yank_page=index.yank_page_url(release.index_url, release.settings.project, release.version),
        record_is_out=_lacks_word(release, origin),
    )  # fmt: skip


def commits_of(release: Release, fixture: Fixture | None) -> frozenset[str]:
    """The release commits of this version, of every attempt that is recorded."""
    known = [one.release_commit for one in (*record.earlier(release), *((fixture,) if fixture else ()))]
    return frozenset(one for one in known if one)


def commits_in_force(release: Release, origin: Origin) -> tuple[str, ...]:
    """This installation's commits of this version on origin's branch that no later commit takes back, newest first.

    What a message says only names the version: whose a commit is, is proved.
    """
    settings, head = release.settings, origin.heads[release.settings.branch]
    patterns = (*settings.release_files, settings.version_source.path, release.fixture_path)
    line = f"{TRAILER}: {settings.project} {release.version}"
    found = git.commits_saying(release.workspace, head, line)
    said = undo.own_commits(found, settings.project, str(release.version), [one for one in patterns if one])
    own = tuple(one for one in said if is_own(release, release.workspace, one))
    if not own:
        return ()
    since = git.commits_between(release.workspace, own[-1].sha, head)
    back = undo.taken_back(since)
    return tuple(one.sha for one in own if one.sha not in back)


def is_taken_back(release: Release, commit: str, head: str) -> bool:
    """Whether a commit after this one on the branch reverts it."""
    return commit in undo.taken_back(git.commits_between(release.workspace, commit, head))


def never_began(seen: Traces) -> bool:
    """Whether nothing at all is known of such a release."""
    return seen.fixture is None and not undo.items_of(seen)


def what_stays(release: Release) -> Problem | None:
    """What a release that stopped left, with the commands that go on and take it back; None when nothing, or it cannot be seen."""
    try:
        return undo.stays(look_for_traces(release), command(release, "release"), command(release, "abort"))
    except LockgateError as error:
        log.warning("What the release left behind cannot be seen: %s", error)
        return None


def command(release: Release, name: str) -> str:
    """The command that does this with the same release, for a shell in the same folder."""
    asked = release.request
    options = [word for key, value in (("--repository", asked.repository), ("--branch", asked.branch))
               if value not in {"", "."} for word in (key, value)]  # fmt: skip
    return shlex.join(["lockgate", name, str(release.version), *options])


def _following(release: Release, origin: Origin) -> str:
    """The version after this one and every released one."""
    newest = max({release.version, *released_versions(origin.tags, release.settings.tag_format)})
    try:
        return str(next_version(newest, "rc" if newest.pre and newest.pre[0] == "rc" else "patch"))
    except SettingsError:
        return str(Version(newest.base_version))


def _local_commits(release: Release, origin: Origin) -> tuple[str, ...]:
    here, head = git.resolve(release.workspace, "HEAD"), origin.heads[release.settings.branch]
    if here is None or git.is_ancestor(release.workspace, here, head):
        return ()
    return tuple(one.sha for one in reversed(git.commits_between(release.workspace, head, here)))


def _publish_run(release: Release, fixture: Fixture | None) -> Run | None:
    """The publish run of the release commit's tag as it is now; None before the tag."""
    if fixture is None or fixture.publisher is None or not fixture.tagged:
        return None
    workflow, known = fixture.publisher.workflow, fixture.workflow_run
    listed = github_actions.list_runs(release.hub, workflow)
    found = runs.find_run(listed, tag=release.tag, commit=fixture.release_commit, workflow=workflow)
    return found or (github_actions.read_run(release.hub, known.id) if known and known.id else None)


def _lacks_word(release: Release, origin: Origin) -> bool:
    """Whether origin has a record of the release that does not say that it was given up."""
    text = record.read_committed(release, origin)
    try:
        return text is not None and from_json(text).abort is None
    except RefusedError:
        return False
