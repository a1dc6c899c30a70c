"""The live record of a release: its fixture, kept in the store between the commits that publish it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path

from packaging.version import Version

from clients import git
from clients.store import Store
from lockgate import audit
from lockgate.errors import refused
from lockgate.fixture import (
    Abort,
    Fixture,
    Note,
    from_json,
    is_complete,
    more_advanced,
    named_version,
    restarted,
    to_json,
)
from lockgate.origins import canonical
from lockgate.repository import Origin
from planning import attempts, reports
from planning.proofs import Prover, prover_of, read_at
from planning.release import Release, observe_origin

log = logging.getLogger(__name__)


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return in_words(datetime.now(UTC))


def in_words(time: datetime) -> str:
    """A time as records have it: in UTC, ISO 8601, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def load(release: Release, origin: Origin) -> Fixture:
    """The fixture: the store's, or origin's when that knows more (another machine went on), or a new one."""
    found = find(release, origin)
    if found is not None:
        return found
    if told := report(release, origin):
        log.warning("%s on origin was recorded by somebody else: %s; nothing of it counts", release.fixture_path, told)
    answers = reports.signed_answers(release, read_committed(release, origin))
    return replace(new(release), approvals=answers)


def new(release: Release) -> Fixture:
    """The record of a release that begins."""
    return Fixture(
        project=release.settings.project,
        version=str(release.version),
        repository=release.slug,
        branch=release.settings.branch,
        tag=release.tag,
        tool=f"lockgate {installed_version('lockgate')}",
        requested=release.request.version,
        requested_by=release.request.requested_by,
    )


def find(release: Release, origin: Origin) -> Fixture | None:
    """The record that counts: what this installation kept in the store, or signed on origin, or what the tag itself shows.

    None for a release that was never started, and for one that only somebody else's report tells of.
    """
    known = more_advanced(find_kept(release), find_committed(release, origin))
    return known or reports.adopt(release, origin, new(release), read_committed(release, origin))


def find_committed(release: Release, origin: Origin) -> Fixture | None:
    """The record on origin's release branch, if this installation signed it for this version."""
    head = origin.heads[release.settings.branch]
    found = read_at(release.workspace, head, release.fixture_path, prover_of(release))
    return found if found is not None and found.version == str(release.version) else None


def report(release: Release, origin: Origin) -> str:
    """What somebody else's record on origin says, in a sentence; "" without such a record."""
    text = read_committed(release, origin)
    return "" if text is None or find_committed(release, origin) is not None else reports.describe(text)


def foreign(release: Release) -> tuple[str, ...]:
    """The keys in the store under which this release's records should be, and under which somebody else's are."""
    version = str(release.version)
    keys = (
        _key(release.slug, version),
        _finished(release.slug, version),
        attempts.key_of(release.slug, version),
        log_key(release.slug, version),
        *release.store.record_keys(_earlier(release)),
    )
    return tuple(key for key in keys if release.store.is_foreign(key))


def find_kept(release: Release) -> Fixture | None:
    """The live record in the store, or None."""
    text = release.store.read_record(_key(release.slug, str(release.version)))
    return from_json(text) if text else None


def kept(release: Release) -> Fixture:
    """The live record in the store; refuses when there is none, since every step leaves one."""
    found = find_kept(release)
    if found is None:
        raise refused(
            f"the store has no record of {release.label}", "the one that step 1 made", "start the release again"
        )
    return found


def read_committed(release: Release, origin: Origin) -> str | None:
    """The fixture's text on origin's release branch, or None."""
    data = git.read_file(release.workspace, origin.heads[release.settings.branch], release.fixture_path)
    return None if data is None else data.decode(errors="replace")


def save(release: Release, fixture: Fixture) -> None:
    """Keep the fixture in the store, replaced in one piece, and add what it tells to the release's log."""
    release.store.write_record(_key(release.slug, fixture.version), to_json(fixture))
    _add_to_log(release, audit.happened(fixture, read_log(release)))


def log_start(release: Release) -> None:
    """Add to the release's log that somebody started it, once for each run."""
    start = audit.start_of(release.request, str(release.version), release.run.id)
    starts = [one.event for one in read_log(release) if one.event.what == audit.STARTS]
    if starts[-1:] != [start]:
        _add_to_log(release, (start,))


def read_log(release: Release) -> tuple[audit.Entry, ...]:
    """Return the log of the release that this installation wrote; nothing where there is none, or somebody else's."""
    return audit.read(release.store.read_record(log_key(release.slug, str(release.version))) or "")


def _add_to_log(release: Release, events: Sequence[audit.Event]) -> None:
    key = log_key(release.slug, str(release.version))
    if release.store.is_foreign(key):
        events = (audit.Event(audit.REPLACED), *events)
    if events:
        release.store.write_record(key, audit.extend(read_log(release), events, now()))


def restart(release: Release, note: Note) -> None:
    """Begin the release anew from what origin has now, and note by whose wish and why; refuses when its tag is out.

    The earlier attempt's record is kept, and with it the way to its logs and artifacts.
    """
    origin = observe_origin(release)
    if release.tag in origin.tags:
        raise refused(
            f"tag {release.tag!r} of {release.label} is out", "a release before its point of no return",
            "start it again without --restart: it goes on",
        )  # fmt: skip
    known = find(release, origin)
    if known is not None:
        begin_anew(release, known, note)


def begin_anew(release: Release, known: Fixture, note: Note, abort: Abort | None = None) -> None:
    """Put the attempt's record away and keep a fresh one that says why; with `abort` also that the release was given up."""
    anew = restarted(known).noted(note)
    kept = to_json(replace(known, abort=abort or known.abort))
    release.store.write_record(f"{_earlier(release)}{known.restarts}", kept)
    save(release, replace(anew, abort=abort))


def earlier(release: Release) -> tuple[Fixture, ...]:
    """The records of the attempts that were given up by a restart, oldest first."""
    texts = (release.store.read_record(key) for key in release.store.record_keys(_earlier(release)))
    return tuple(sorted((from_json(text) for text in texts if text), key=lambda one: one.restarts))


def read_fixtures(
    workspace: Path, pattern: str, commit: str, prover: Prover, since: Version | None = None
) -> tuple[Fixture, ...]:
    """The release fixtures at a commit that this installation signed, of `since` and later versions; reports are passed over."""
    found = []
    for path in git.list_files(workspace, commit):
        version = named_version(path, pattern)
        if version and _is_since(version, since):
            fixture = read_at(workspace, commit, path, prover)
            found += [fixture] if fixture is not None and fixture.version == version else []
    return tuple(found)


def _is_since(text: str, since: Version | None) -> bool:
    try:
        return since is None or Version(text) >= since
    except ValueError:
        return False


def kept_ones(store: Store, slug: str) -> tuple[Fixture, ...]:
    """The live records of a repository's releases, finished ones too, as the store has them."""
    texts = (store.read_record(key) for key in store.record_keys(f"releases/{canonical(slug)}/"))
    return tuple(from_json(text) for text in texts if text)


def unfinished(store: Store, slug: str) -> tuple[Fixture, ...]:
    """The releases of a repository that were started and neither finished nor given up, as the store knows them.

    Finished is what `finish` noted: a fixture is complete before its last commit is on origin.
    """
    return tuple(
        one
        for one in kept_ones(store, slug)
        if one.abort is None and store.read_record(_finished(slug, one.version)) is None
    )


def finish(release: Release) -> None:
    """Note that nothing is left to do: from now on the same words ask for the next version."""
    release.store.write_record(_finished(release.slug, str(release.version)), now())


def newest_unfinished(
    store: Store, slug: str, requested: str, tagged: Mapping[Version, str], there: Sequence[Fixture]
) -> Version | None:
    """The version of the unfinished release that was asked for with these very words, or None.

    `there` are origin's fixtures: a store that was lost, or never had the release, does not know it. One that was left
    behind does not count: not newer than what was released meanwhile, or released by somebody else. `tagged` gives the
    commit of each released version.
    """
    on_origin = {one.version: one for one in there}
    known = [
        one for one in there if not is_complete(one) and one.abort is None and not is_kept(store, slug, one.version)
    ]
    for one in unfinished(store, slug):
        elsewhere = on_origin.get(one.version)
        if is_complete(one) or elsewhere is None or not is_complete(elsewhere):
            known.append(one)
    begun = {Version(one.version): one for one in known if one.requested == requested}
    newest = max(tagged, default=None)
    versions = [
        version
        for version, one in begun.items()
        if (
            tagged[version] == one.release_commit if version in tagged else one.tagged or not newest or version > newest
        )
    ]
    return max(versions, default=None)


def is_kept(store: Store, slug: str, version: str) -> bool:
    """Whether the store has a record of this version."""
    return store.read_record(_key(slug, version)) is not None


def log_key(slug: str, version: str) -> str:
    """Return the key in the store under which a release's log is."""
    return f"audit/{canonical(slug)}/{version}"


def _earlier(release: Release) -> str:
    return f"earlier/{canonical(release.slug)}/{release.version}/"


def _key(slug: str, version: str) -> str:
    return f"releases/{canonical(slug)}/{version}.json"


def _finished(slug: str, version: str) -> str:
    return f"finished/{canonical(slug)}/{version}"
