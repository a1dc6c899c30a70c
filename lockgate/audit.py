"""The log of a release: who asked, who answered what, and what was done. Entries are only added, each chained to the one before.

It is told from the record and decides nothing: a release never reads it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lockgate.approvals import Approval
from lockgate.documents import read_json
from lockgate.fixture import Abort, Fixture
from lockgate.request import Request

ASKS, STARTS, ANEW, ANSWERS = "asks", "starts", "begins anew", "answers"
REPLACED = "another log was here"
"""What a log begins with that stands where somebody without the installation's key had written."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: what, by whom if a person did it, and what is to be known of it."""

    what: str
    who: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in a log, and when it was written there; `previous` is the digest of the entry before, "" for the first."""

    time: str
    event: Event
    previous: str

    @property
    def line(self) -> str:
        """The entry as it stands in the log."""
        data = {"time": self.time, **dataclasses.asdict(self.event), "previous": self.previous}
        return json.dumps(data, ensure_ascii=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """What the next entry is chained to."""
        return hashlib.sha256(self.line.encode()).hexdigest()


def extend(entries: Sequence[Entry], events: Iterable[Event], time: str) -> str:
    """Return the text of the log with these events at its end."""
    found = list(entries)
    for event in events:
        found.append(Entry(time, event, found[-1].digest if found else ""))
    return "".join(f"{one.line}\n" for one in found)


def read(text: str) -> tuple[Entry, ...]:
    """Return the entries of a log; a line that is none, as only somebody else writes it, becomes one that says so."""
    return tuple(_entry(line) for line in text.split("\n") if line)


def broken_link(entries: Iterable[Entry]) -> int | None:
    """Return the number of the first entry that does not follow the one before it, counted from one; None when each does."""
    before = ""
    for number, entry in enumerate(entries, 1):
        if entry.previous != before:
            return number
        before = entry.digest
    return None


def start_of(request: Request, version: str, run: str) -> Event:
    """Return the event that somebody starts this version, by which words and options; `run` is the run's id."""
    options = {
        "run": run, "version": version, "words": request.version, "repository": request.repository,
        "branch": request.branch, "every checkpoint": "yes" if request.approve_all else "", "tested": request.tested,
        "restart": "yes" if request.restart else "", "commit": request.commit,
        "unattended": "yes" if request.unattended else "",
    }  # fmt: skip
    return Event(STARTS, request.requested_by, _stated(options))


def happened(fixture: Fixture, entries: Iterable[Entry]) -> tuple[Event, ...]:
    """Return what the record tells and its log does not: what has just happened, or what somebody took out of the log."""
    logged = [one.event for one in entries]
    return tuple(event for event in told(fixture) if event not in logged)


def withdrawn(fixture: Fixture, entries: Sequence[Entry]) -> tuple[Event, ...]:
    """Return what the log tells and the record lacks: answers since the release began anew last, and that it did.

    Nothing takes an answer back, so an older record was put in the place of the newer one.
    """
    begun = max((number for number, one in enumerate(entries) if one.event.what == ANEW), default=0)
    said, events = told(fixture), (one.event for one in entries[begun:])
    return tuple(one for one in events if one.what in {ANSWERS, ANEW} and one not in said)


def told(fixture: Fixture) -> tuple[Event, ...]:
    """Return all that a record tells."""
    return tuple(_told(fixture))


def _told(fixture: Fixture) -> Iterator[Event]:
    again = {"attempt": str(fixture.restarts + 1)} if fixture.restarts else {}
    words = {"version": fixture.version, "words": fixture.requested, "tool": fixture.tool}
    yield Event(ASKS, fixture.requested_by, _stated(words))
    if again:
        yield Event(ANEW, details=again)
    for note in fixture.notes:
        yield Event("notes", note.by, {"what": note.what, "time": note.time})
    yield from _made(fixture, again)
    for answer in fixture.approvals:
        yield _answered(answer)
    yield from _published(fixture)
    for step in fixture.steps:
        if step.finished:
            times = {"started": step.started, "finished": step.finished}
            yield Event("step done", details={"step": step.key, **times, **again})
    if fixture.abort is not None:
        yield _given_up(fixture.abort)


def _made(fixture: Fixture, again: Mapping[str, str]) -> Iterator[Event]:
    if fixture.base_commit:
        before = _named("previous", {"version": fixture.previous_version, "commit": fixture.previous_commit})
        yield Event("begins from", details=_stated({"commit": fixture.base_commit, **before, **again}))
    if fixture.release_commit:
        yield Event("release commit", details={"commit": fixture.release_commit, **again})
    if fixture.artifacts:
        files = {one.name: one.sha256 for one in fixture.artifacts}
        made = {
            "with": ", ".join(fixture.build_requirements),
            "isolation": fixture.isolation,
            "bill of materials": fixture.sbom,
        }
        yield Event("built", details=_stated({**files, **made, **again}))
    if fixture.tests is not None:
        yield Event("tests", fixture.tests.by, {"said": fixture.tests.sentence, **again})


def _published(fixture: Fixture) -> Iterator[Event]:
    if fixture.tag_pushed:
        yield Event("pushes the tag", details={"tag": fixture.tag, "commit": fixture.release_commit})
    run = fixture.workflow_run
    if run is not None and run.conclusion:
        yield Event("publish run", details={"url": run.url, "attempt": str(run.attempt), "conclusion": run.conclusion})
    if fixture.index_files:
        yield Event("published", details=dict(fixture.index_files))
    if fixture.log is not None:
        yield Event("logs kept", details=_stated({"sha256": fixture.log.sha256, "why there are none": fixture.log.why}))


def _answered(answer: Approval) -> Event:
    signature = hashlib.sha256(answer.signature.encode()).hexdigest() if answer.signature else ""
    details = {
        "checkpoint": answer.checkpoint, "decision": answer.decision, "time": answer.time, "how": answer.how, "note": answer.note,
        "identity": answer.identity, "signature": signature, "fingerprint": answer.fingerprint,
        **_named("evidence", answer.evidence),
    }  # fmt: skip
    return Event(ANSWERS, answer.approver, _stated(details))


def _given_up(abort: Abort) -> Event:
    kinds = {name: "; ".join(getattr(abort, name)) for name in ("undone", "compensated", "burnt")}
    return Event("gives up", abort.by, _stated({"time": abort.time, "note": abort.note, **kinds}))


def _named(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    return {f"{kind} {name}": value for name, value in values.items()}


def _stated(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _entry(line: str) -> Entry:
    try:
        data = read_json(line)
        details = {str(name): str(value) for name, value in data["details"].items()}
        return Entry(str(data["time"]), Event(str(data["what"]), str(data["who"]), details), str(data["previous"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return Entry("", Event("no entry", details={"line": line}), "")
