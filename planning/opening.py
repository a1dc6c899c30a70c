"""Opening a release: workspace, settings and version, found from what somebody asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.version import Version

from clients import git, git_remote, git_workspace, index
from clients.own_files import check_home
from lockgate.continuation import OUTSIDE, ThisRun
from lockgate.errors import Problem, SettingsError
from lockgate.fixture import Fixture, published_versions
from lockgate.policy import Policy, check_place, check_yes, hold_to
from lockgate.repository import Origin
from lockgate.request import Request
from lockgate.settings import Settings
from lockgate.versions import is_word, next_version, parse_version, released_versions, tag_for
from planning import attempts, record
from planning.policies import policies_of
from planning.proofs import Prover
from planning.release import (
    Release,
    choose_branch,
    home_of,
    keys_of,
    locate,
    read_pyproject,
    read_settings,
    slug_for,
    slug_on_server,
    store_of,
    token_for,
    workspace_of,
)
from planning.stated import stated_version

log = logging.getLogger(__name__)


def check_request(request: Request) -> tuple[str, Path | None]:
    """Origin's URL, and the given checkout if there is one; refuses what needs no look outside: version, repository."""
    if request.version and not is_word(request.version):
        parse_version(request.version)
    return locate(request.repository)


def check_policies(request: Request, origin_url: str, environ: Mapping[str, str]) -> tuple[Policy, ...]:
    """Return the policies that hold here; raises RefusedError for a request that they do not let through."""
    slug, policies = slug_for(origin_url), policies_of(environ)
    check_place(policies, slug, origin_url)
    check_yes(policies, slug, request)
    return policies


def open_release(request: Request, environ: Mapping[str, str], run: ThisRun = OUTSIDE) -> Release:
    """Find the release that is asked for, for this run; only Lockgate's own workspace is written to.

    Raises SettingsError for what is no releasable repository or version, and for a policy of this installation that cannot be
    understood; RefusedError for what that policy does not let be released here, or not with `--yes`; UnavailableError when
    origin (or, for a word like `patch`, the index) does not answer.
    """
    check_home(home_of(environ))
    origin_url, given = check_request(request)
    slug = slug_on_server(origin_url, environ)
    policies = check_policies(request, origin_url, environ)
    origin = git_remote.observe_origin(origin_url, token_for(origin_url, environ))
    branch = choose_branch(request, origin, "")
    workspace = workspace_of(environ, slug)
    update_workspace(workspace, origin_url, branch, environ)
    settings = _settings(workspace, request, origin, branch)
    if settings.branch != branch:
        branch = choose_branch(request, origin, settings.branch)
        update_workspace(workspace, origin_url, branch, environ)
        settings = replace(_settings(workspace, request, origin, branch), branch=branch)
    settings = hold_to(settings, policies, slug)
    version = _choose_version(request, environ, (workspace, given), slug, settings, origin, run)
    return Release(
        request, environ, origin_url=origin_url, given=given, slug=slug, settings=settings, version=version,
        tag=tag_for(version, settings.tag_format), run=run,
    )  # fmt: skip


def update_workspace(workspace: Path, origin_url: str, branch: str, environ: Mapping[str, str]) -> None:
    """Bring origin's branch and tags into the workspace; a missing workspace is cloned, what is there is renewed first."""
    token = token_for(origin_url, environ)
    if git.is_repository(workspace) is None:
        log.info("Cloning %s", origin_url)
        workspace.parent.mkdir(parents=True, exist_ok=True)
        git_remote.clone(origin_url, workspace, token, branch)
        git_workspace.claim(workspace)
        git_workspace.renew(workspace, origin_url)
        return
    git_workspace.renew(workspace, origin_url)
    git_remote.fetch(workspace, origin_url, token, branch)


def _settings(workspace: Path, request: Request, origin: Origin, branch: str) -> Settings:
    commit = origin.heads[branch]
    settings = read_settings(workspace, commit, read_pyproject(workspace, commit), branch, origin)
    if request.branch:
        origins = {**settings.origins, "branch": "the request"}
        return replace(settings, branch=request.branch, origins=origins)
    return settings


def _choose_version(
    request: Request, environ: Mapping[str, str], folders: tuple[Path, Path | None], slug: str, settings: Settings,
    origin: Origin, run: ThisRun,
) -> Version:  # fmt: skip
    if request.version and not is_word(request.version):
        return parse_version(request.version)
    store = store_of(environ)
    if request.version and (known := attempts.of_run(store, slug, run.id, request.version)):
        return parse_version(known)
    workspace, given = folders
    current = stated_version(workspace, origin.heads[settings.branch], settings, given)
    tagged = released_versions(origin.tags, settings.tag_format)
    there = record.read_fixtures(
        workspace, settings.fixture, origin.heads[settings.branch],
        Prover(keys_of(environ), slug, settings.project), since=max(tagged, default=None),
    )  # fmt: skip
    commits = {version: origin.tags[tag] for version, tag in tagged.items()}
    continued = record.newest_unfinished(store, slug, request.version, commits, there)
    if continued is not None and (request.version or current is None or continued >= current):
        log.info("Continuing the unfinished release of %s", continued)
        return continued
    if request.version:
        return next_version(_latest(settings, origin, environ, current, there), request.version)
    if current is None:
        raise SettingsError(
            Problem(
                f"the version of {settings.project} comes from its tags ({settings.version_source.why})",
                "the version to release",
                "say it: lockgate release 1.2.3, or patch, minor, major",
            )
        )
    return current


def _latest(
    settings: Settings, origin: Origin, environ: Mapping[str, str], current: Version | None, there: Sequence[Fixture]
) -> Version:
    """The newest version that was ever released, by tags, index and fixtures; the repository's own, or 0, when none was."""
    released = {*released_versions(origin.tags, settings.tag_format), *published_versions(there)}
    project = index.observe_project(index.index_url(settings.index, environ), settings.project)
    if project is not None:
        released |= set(project.versions)
    return max(released, default=current or Version("0"))
