"""The record of a release and its log, looked at once more: what is told there, and whether it can still be verified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clients import git, git_tags
from clients.store import Store
from lockgate import audit
from lockgate.approvals import SAID, Approval, fingerprint_of
from lockgate.audit import Entry, Event
from lockgate.errors import LockgateError, Problem, SettingsError
from lockgate.fixture import Fixture, is_complete, more_advanced
from lockgate.origins import canonical
from lockgate.releases import digests_in
from lockgate.repository import Origin
from lockgate.versions import parse_version, tag_for
from planning import approving, record
from planning.release import Release

SHORT = 12


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was verified: what, whether it holds, and what was seen."""

    what: str
    holds: bool
    seen: str


@dataclass(frozen=True, slots=True)
class Audit:
    """The record of a release, its log, and what was verified of both; `fixture` is None where nothing proves one."""

    fixture: Fixture | None
    entries: tuple[Entry, ...]
    checks: tuple[Check, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        """What the record tells, for a place that has no log."""
        return audit.told(self.fixture) if self.fixture else ()


def find_version(store: Store, slug: str, run: str) -> str:
    """Return the version that a run with this id, or beginning of an id, worked on, as this installation's logs tell.

    Raises SettingsError where there is none, and where there are several.
    """
    prefix = f"audit/{canonical(slug)}/"
    found = []
    for key in store.record_keys(prefix):
        entries = audit.read(store.read_record(key) or "")
        if any(one.event.what == audit.STARTS and one.event.details.get("run", "").startswith(run) for one in entries):
            found.append(key.removeprefix(prefix))
    if len(found) == 1:
        return found[0]
    seen = f"the logs of {', '.join(found)} name" if found else "no log of the store names"
    raise SettingsError(
        Problem(f"{seen} a run {run} of {slug}", "one run of this repository, or a version", "name the version")
    )


def look(release: Release, origin: Origin) -> Audit:
    """Read record, log and fixture of a release, and verify seals, chain, envelope, signatures, commit, tag and its digests."""
    kept, committed = record.find_kept(release), record.find_committed(release, origin)
    fixture, key = more_advanced(kept, committed), record.log_key(release.slug, str(release.version))
    entries = record.read_log(release) or audit.read(release.store.read_foreign(key))
    checks = [*_seals(release), *_log(kept, entries), *_on_origin(release, origin, kept, committed)]
    if fixture is not None:
        checks += [_answer(release, origin, one) for one in fixture.approvals]
        checks += [
            *_commit(release, origin, fixture),
            *_tag(release, origin, fixture),
            *_previous(release, origin, fixture),
        ]
    return Audit(fixture, entries, tuple(checks))


def _seals(release: Release) -> Iterator[Check]:
    for key in record.foreign(release):
        yield Check(f"the seal of {key} in the store", False, "it was not written by this installation, or not there")


def _log(kept: Fixture | None, entries: Sequence[Entry]) -> Iterator[Check]:
    if not entries and kept is None:
        yield Check("the log", True, "it is not here: this store has nothing of the release")
        return
    broken = audit.broken_link(entries)
    seen = f"{len(entries)} entries, each follows the one before" if broken is None else _describe(entries, broken)
    yield Check("the log's chain", broken is None, seen)
    for one in entries:
        if one.event.what == audit.REPLACED:
            yield Check("the log's beginning", False, f"at {one.time} somebody else's log was in its place")
    if kept is None:
        yield Check(
            "the record in the store", False, "there is a log of the release, and no record of this installation"
        )
        return
    lost, back = audit.happened(kept, entries), audit.withdrawn(kept, entries)
    yield Check(
        "the log against the record", not lost, _listed("the log lacks", lost) or "it has all that the record tells"
    )
    if back:
        yield Check("the record against the log", False, _listed("an older record was put back: it lacks", back))


def _describe(entries: Sequence[Entry], number: int) -> str:
    event = entries[number - 1].event
    return f"entry {number} ({event.what}) does not follow the one before: one was changed, moved or taken out"


def _listed(words: str, events: Sequence[Event]) -> str:
    named = [" ".join(one for one in (event.what, _subject(event)) if one) for event in events]
    return f"{words}: {'; '.join(named)}" if named else ""


def _subject(event: Event) -> str:
    told = event.details
    return (
        " ".join(told[name] for name in ("decision", "checkpoint", "step", "commit", "attempt") if name in told)
        or event.who
    )


def _on_origin(release: Release, origin: Origin, kept: Fixture | None, committed: Fixture | None) -> Iterator[Check]:
    what = f"the envelope of {release.fixture_path} on origin"
    if committed is not None:
        yield Check(what, True, "signed by this installation")
    elif record.read_committed(release, origin) is not None:
        yield Check(what, False, "not signed by this installation as it stands there: changed, or somebody else's")
    elif kept is not None and is_complete(kept):
        yield Check(what, False, "the release is over, and its fixture is not there")
    if kept is not None and committed is not None:
        for name in ("restarts", "release_commit", "artifacts", "approvals"):
            one, other = getattr(kept, name), getattr(committed, name)
            if is_complete(committed) and one != other:
                yield Check(
                    f"{name} in record and fixture",
                    False,
                    "the store's record says something else than origin's fixture",
                )


def _answer(release: Release, origin: Origin, answer: Approval) -> Check:
    """What proves an answer: its fingerprint is that of its evidence, and its signature is by a key that the rules allow."""
    what = f"the answer of {answer.approver} ({answer.decision} {answer.checkpoint}, {answer.time})"
    if answer.evidence and fingerprint_of(answer.checkpoint, answer.evidence) != answer.fingerprint:
        return Check(what, False, "its fingerprint is not that of its evidence")
    if not answer.signature:
        return Check(what, answer.identity == SAID, "not signed: the name is said to be theirs")
    try:
        rules = [one for one in approving.rules_of(release, answer.checkpoint, origin) if one.signed]
    except LockgateError as error:
        return Check(what, False, f"its signature cannot be verified: {error}")
    proofs = [one.prove(answer) for one in rules]
    good = next((one for one in proofs if one.key and not one.fault), None)
    if good is None:
        return Check(what, False, f"its signature: {proofs[0].fault if proofs else 'no rules name who may sign'}")
    fits = good.key == answer.identity
    return Check(what, fits, f"signed with {good.key}{'' if fits else f', recorded as {answer.identity}'}")


def _commit(release: Release, origin: Origin, fixture: Fixture) -> Iterator[Check]:
    commit, head = fixture.release_commit, origin.heads[release.settings.branch]
    if commit and fixture.tagged:
        there = git.resolve(release.workspace, commit) is not None and git.is_ancestor(release.workspace, commit, head)
        seen = f"{commit[:SHORT]} is {'' if there else 'not '}in origin's {release.settings.branch!r}"
        yield Check("the release commit", there, seen)


def _tag(release: Release, origin: Origin, fixture: Fixture) -> Iterator[Check]:
    tagged = origin.tags.get(fixture.tag)
    if tagged is None:
        if fixture.finished("export"):
            yield Check("the tag", False, f"{fixture.tag} is not on origin any more")
        return
    yield Check("the tag", tagged == fixture.release_commit, f"{fixture.tag} is at {tagged[:SHORT]}")
    named = digests_in(git_tags.message_of(release.workspace, origin.tag_objects[fixture.tag]))
    built = {one.name: one.sha256 for one in fixture.artifacts}
    yield Check("the digests in the tag's message", named == built, f"{len(named)} named, {len(built)} recorded")


def _previous(release: Release, origin: Origin, fixture: Fixture) -> Iterator[Check]:
    """That the tag of the release before is where it was; one that was taken away since is no matter of this release."""
    if not fixture.previous_version:
        return
    tag = tag_for(parse_version(fixture.previous_version), release.settings.tag_format)
    if (before := origin.tags.get(tag)) is not None:
        seen = f"{fixture.previous_version} is at {before[:SHORT]}, recorded at {fixture.previous_commit[:SHORT]}"
        yield Check("the release before", before == fixture.previous_commit, seen)
