"""What a scheduled run looks at in one repository before it starts a release."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import replace

from packaging.version import Version

from lockgate.fixture import Fixture, is_complete, more_advanced
from lockgate.placeholders import fill
from lockgate.repository import Origin
from lockgate.request import Request
from lockgate.schedules import Outlook
from lockgate.versions import released_versions
from planning import checks, record, survey
from planning.opening import open_release
from planning.proofs import prover_of, read_at
from planning.release import Release, home_of, key_file_of, store_of


def look_ahead(request: Request, environ: Mapping[str, str]) -> tuple[Outlook, Release]:
    """The outlook of a repository, without the runs that Prefect knows of, and the release that it was looked at as.

    Only a workspace of its own is written to. Raises what `open_release` raises.
    """
    release = open_release(request, beside(environ))
    origin = survey.look_at_origin(release)
    base = Outlook(release.settings.project, str(release.version), calendar=release.settings.freeze)
    pending = _pending(release, origin)
    if pending:
        return replace(base, pending=pending), release
    project = survey.look_at_index(release)
    tagged = released_versions(origin.tags, release.settings.tag_format)
    if release.version in tagged or (project is not None and release.version in project.versions):
        return replace(base, released=True), release
    before = survey.previous(release, origin)
    head = origin.heads[release.settings.branch]
    commits = survey.commits_of_others(release, before[2], head) if before else ()
    return replace(
        base,
        previous=before[1] if before else "",
        commits=tuple(one.subject for one in commits),
        problems=checks.version(release, origin).problems,
    ), release


def beside(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with a home for workspaces that no release works in, and the same store and key."""
    own = {
        "LOCKGATE_HOME": str(home_of(environ) / "watching"), "LOCKGATE_STORE": store_of(environ).url,
        "LOCKGATE_KEY_FILE": str(key_file_of(environ)),
    }  # fmt: skip
    # Not one dictionary of both: the token is fetched at the moment of its use.
    return ChainMap(own, environ)  # type: ignore[arg-type]


def _pending(release: Release, origin: Origin) -> str:
    """The newest version whose tag is out and whose release is not finished, by the store or by origin's newest fixture."""
    tagged = released_versions(origin.tags, release.settings.tag_format)
    kept = {Version(one.version): one for one in record.unfinished(release.store, release.slug)}
    newest = {max(tagged)} if tagged else set()
    known = {
        version: more_advanced(kept.get(version), _committed(release, origin, version))
        for version in (kept.keys() & tagged.keys()) | newest
    }
    versions = [version for version, fixture in known.items() if fixture and not is_complete(fixture)]
    return str(max(versions)) if versions else ""


def _committed(release: Release, origin: Origin, version: Version) -> Fixture | None:
    path = fill(release.settings.fixture, version=version)
    return read_at(release.workspace, origin.heads[release.settings.branch], path, prover_of(release))
