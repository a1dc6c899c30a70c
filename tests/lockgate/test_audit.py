"""The log of a release is told from its record, entry by entry, and each entry follows the one before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate import audit
from lockgate.approvals import Approval
from lockgate.artifacts import Artifact
from lockgate.audit import Entry, Event
from lockgate.fixture import Abort, Fixture, Note, StepTime, restarted
from lockgate.request import Request

TIME, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
COMMIT, DIGEST = "a" * 40, "b" * 64
BEGUN = Fixture(
    "sample", "1.1.0", "example/sample", "main", "v1.1.0", "lockgate 1", requested="minor", requested_by="ada"
)
DECLINE = Approval("publish", "decline", "grace", "rounds wrongly", TIME, "f" * 64, "form", evidence={"commit": COMMIT})
BUILT = replace(BEGUN, release_commit=COMMIT, artifacts=(Artifact("sample-1.1.0.tar.gz", DIGEST, 9, "sdist"),))


def log(*records: Fixture) -> tuple[Entry, ...]:
    """The log of a release whose record was saved so."""
    entries: tuple[Entry, ...] = ()
    for record in records:
        entries = audit.read(audit.extend(entries, audit.happened(record, entries), TIME))
    return entries


@pytest.mark.parametrize(
    ("after", "event"),
    [
        (replace(BEGUN, base_commit=COMMIT), Event("begins from", "", {"commit": COMMIT})),
        (replace(BEGUN, release_commit=COMMIT), Event("release commit", "", {"commit": COMMIT})),
        (BEGUN.started("version", TIME).ended("version", LATER),
         Event("step done", "", {"step": "version", "started": TIME, "finished": LATER})),
        (BEGUN.noted(Note(TIME, "ada", "goes on")), Event("notes", "ada", {"what": "goes on", "time": TIME})),
        (replace(BUILT, release_commit="", build_requirements=("x==1", "y==2"), isolation="bubblewrap", sbom="c" * 64),
         Event("built", "", {"sample-1.1.0.tar.gz": DIGEST, "with": "x==1, y==2", "isolation": "bubblewrap",
                             "bill of materials": "c" * 64})),
        (replace(BEGUN, index_files={"x.whl": DIGEST}), Event("published", "", {"x.whl": DIGEST})),
        (replace(BEGUN, abort=Abort(TIME, "ada", "no", burnt=("the tag",))),
         Event("gives up", "ada", {"time": TIME, "note": "no", "burnt": "the tag"})),
    ],
    ids=lambda one: one.what if isinstance(one, Event) else "",
)  # fmt: skip
def test_what_a_record_learns_is_one_entry(after: Fixture, event: Event) -> None:
    assert audit.happened(after, log(BEGUN)) == (event,)
    assert audit.happened(after, log(BEGUN, after)) == ()


def test_the_first_entry_tells_who_asked_and_by_which_words() -> None:
    (first,) = log(BEGUN)
    asked = Event(audit.ASKS, "ada", {"version": "1.1.0", "words": "minor", "tool": "lockgate 1"})
    assert (first.event, first.previous) == (asked, "")


def test_an_answer_is_told_with_what_it_was_given_for() -> None:
    (event,) = audit.happened(BEGUN.approved(DECLINE), log(BEGUN))
    assert (event.what, event.who, event.details["decision"]) == (audit.ANSWERS, "grace", "decline")
    assert event.details["evidence commit"] == COMMIT
    assert event.details["fingerprint"] == DECLINE.fingerprint


def test_a_changed_signature_is_another_answer() -> None:
    signed, forged = (BEGUN.approved(replace(DECLINE, signature=one)) for one in ("theirs", "another"))
    assert [one.what for one in audit.happened(forged, log(signed))] == [audit.ANSWERS]


def test_what_is_done_again_after_a_new_beginning_is_told_again() -> None:
    anew = restarted(BUILT.approved(DECLINE))
    again = replace(anew, release_commit=COMMIT, artifacts=BUILT.artifacts)
    told = [one.event.what for one in log(BUILT.approved(DECLINE), anew, again)]
    assert told == ["asks", "release commit", "built", "answers", "begins anew", "release commit", "built"]


def test_a_start_is_told_with_its_run_and_its_options() -> None:
    start = audit.start_of(Request("x", "minor", requested_by="ada", approve_all=True, tested="here"), "1.1.0", "run-1")
    assert start.who == "ada"
    assert start.details == {
        "run": "run-1", "version": "1.1.0", "words": "minor", "repository": "x", "every checkpoint": "yes", "tested": "here",
    }  # fmt: skip


@pytest.mark.parametrize(("change", "number"), [("change", 3), ("take out", 2), ("move", 2)])
def test_an_entry_that_does_not_follow_is_found(change: str, number: int) -> None:
    one, two, three, *rest = log(BUILT.approved(DECLINE))
    changed = {
        "change": [one, replace(two, event=Event("release commit", "", {"commit": "b" * 40})), three, *rest],
        "take out": [one, three, *rest],
        "move": [one, three, two, *rest],
    }
    assert audit.broken_link([one, two, three, *rest]) is None
    assert audit.broken_link(changed[change]) == number


def test_an_older_record_in_place_of_a_newer_one_lacks_the_decline() -> None:
    entries = log(BUILT, BUILT.approved(DECLINE))
    assert [one.who for one in audit.withdrawn(BUILT, entries)] == ["grace"]
    assert audit.withdrawn(BUILT.approved(DECLINE), entries) == ()
    anew = restarted(BUILT)
    assert [one.what for one in audit.withdrawn(BUILT, log(BUILT, anew))] == [audit.ANEW]
    assert audit.withdrawn(anew, log(BUILT.approved(replace(DECLINE, decision="approve")), anew)) == ()


@pytest.mark.parametrize(
    "line", ["[]", "no JSON", "{}", '{"time": 1, "what": 2, "who": 3, "details": [], "previous": 4}', "[" * 999]
)
def test_a_line_that_is_no_entry_breaks_the_chain_and_ends_nothing(line: str) -> None:
    text = "".join(f"{one.line}\n" for one in log(BEGUN)) + f"{line}\n"
    assert audit.broken_link(audit.read(text)) == 2


def test_no_step_is_told_before_its_end() -> None:
    assert audit.happened(replace(BEGUN, steps=(StepTime("version", TIME),)), log(BEGUN)) == ()
