"""Checkpoints: where a release waits for a person.

Prefect's pauses have two traps: after some retries a pause whose key was used returns without any answer, or can never be
resumed. So the decision has no default, answers are read from where Prefect keeps them before anything is asked, and no
key is used for a second question.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Literal

from prefect import pause_flow_run, suspend_flow_run
from prefect.exceptions import FlowPauseTimeout
from prefect.input import RunInput, read_flow_run_input
from prefect.runtime import deployment, flow_run
from pydantic import Field

from lockgate.approvals import Approval, Question, accept, given_approval, outdated_approval
from lockgate.errors import ExpiredError, Problem, RefusedError
from lockgate.fixture import Fixture, TestEvidence
from lockgate.waiting import Waiting
from planning import record
from planning.release import Release

log = logging.getLogger(__name__)

POLL_SECONDS = 1


class Answer(RunInput):
    """Your decision. It is bound to the fingerprint above and goes to the release fixture."""

    decision: Literal["approve", "decline"] = Field(title="Decision", description="There is no default on purpose.")
    approver: str = Field(title="Your name", description="Recorded with the answer; checked against `approvers`.")
    note: str = Field(
        default="", title="Note", description="For the tests: where they ran. Otherwise what you want kept."
    )


def approve(release: Release, question: Question | None) -> None:
    """Wait until a person has said yes to this very evidence; returns at once when nothing is asked or it was said before.

    Raises DeclinedError for a no, ExpiredError when nobody answered in time.
    """
    if question is None:
        return
    fixture = record.kept(release)
    known = given_approval(question, fixture.approvals)
    if known is not None:
        log.info("%s: approved by %s at %s, for the same evidence", question.title, known.approver, known.time)
        return
    if (void := outdated_approval(question, fixture.approvals)) is not None:
        log.warning("%s: the approval of %s is void, the evidence changed", question.title, void.approver)
    approval = _approve_as_requested(release, question) or _ask(release, question, fixture)
    try:
        accept(approval, question, release.settings.approvers)
    finally:
        record.save(release, _with(fixture, approval, question))
    log.info("%s: approved by %s", question.title, approval.approver)


def _approve_as_requested(release: Release, question: Question) -> Approval | None:
    if not release.request.approve_all:
        return None
    who = release.request.requested_by
    return Approval(question.checkpoint, "approve", who, "", record.now(), question.fingerprint, "--yes")


def _ask(release: Release, question: Question, fixture: Fixture) -> Approval:
    answer = _answer(question, int(release.settings.checkpoint_timeout), _consumed(question, fixture))
    return Approval(
        question.checkpoint, answer.decision, answer.approver, answer.note, record.now(), question.fingerprint, "form"
    )


def _consumed(question: Question, fixture: Fixture) -> int:
    """How many answers to this very question were taken and did not let it through."""
    return sum(1 for one in fixture.approvals if one.fingerprint == question.fingerprint)


def _answer(question: Question, timeout_seconds: int, consumed: int) -> Answer:
    """The next answer that was not taken yet: a stored one, else the one that a person gives now."""
    suspends = deployment.id is not None
    prefix = "suspended" if suspends else "paused"
    number = 0
    while True:
        key = f"{question.checkpoint}-{question.fingerprint[:16]}-{number}"
        stored = read_flow_run_input(f"{prefix}-{key}-response")
        if stored is not None and consumed > 0:
            consumed -= 1
        elif isinstance(stored, dict):
            return Answer(**stored)
        elif read_flow_run_input(f"{prefix}-{key}-schema") is None:
            return _wait(question, key, timeout_seconds, suspends=suspends)
        number += 1


def _wait(question: Question, key: str, timeout_seconds: int, *, suspends: bool) -> Answer:
    form = Answer.with_initial_data(description=question.brief)
    _tell(question.title, Waiting(str(flow_run.id), question.brief, ("approve", "decline"), ("approver", "note")))
    try:
        if suspends:
            return suspend_flow_run(wait_for_input=form, timeout=timeout_seconds, key=key)
        return pause_flow_run(wait_for_input=form, timeout=timeout_seconds, poll_interval=POLL_SECONDS, key=key)
    except FlowPauseTimeout as error:
        raise ExpiredError(
            Problem(
                f"nobody answered {question.title!r} within {timeout_seconds / 3600:g} hours",
                "an approval",
                "start the release again when somebody is there: it asks again",
            )
        ) from error


def _tell(title: str, waiting: Waiting) -> None:
    log.info("Waiting for a person: %s", title, extra={"waiting": waiting})


def _with(fixture: Fixture, approval: Approval, question: Question) -> Fixture:
    recorded = fixture.approved(approval)
    if question.checkpoint == "tests" and approval.decision == "approve":
        evidence = TestEvidence(fixture.release_commit, "evidence", source=approval.note, by=approval.approver)
        return replace(recorded, tests=evidence)
    return recorded


class WayOut(RunInput):
    """How to go on after a conflict at step 1."""

    decision: Literal["retry", "another version", "abort"] = Field(
        title="Decision", description="Retry after you put it right; take another version; or abort."
    )
    version: str = Field(default="", title="Another version", description="Only for `another version`: which one.")


def way_out(release: Release, conflict: RefusedError, attempt: int) -> str:
    """The documented back edge: show the conflict, and give the version to try next; raises the conflict on abort."""
    brief = f"## {release.label} cannot be released as it is\n\n{conflict}\n\nPut it right and retry, or take another version."
    key = f"conflict-{attempt}"
    _tell("a conflict", Waiting(str(flow_run.id), brief, ("retry", "another version", "abort"), ("version",)))
    form = WayOut.with_initial_data(description=brief)
    timeout = int(release.settings.checkpoint_timeout)
    if deployment.id is not None:
        answer = suspend_flow_run(wait_for_input=form, timeout=timeout, key=key)
    else:
        answer = pause_flow_run(wait_for_input=form, timeout=timeout, poll_interval=POLL_SECONDS, key=key)
    if answer.decision == "abort":
        raise conflict
    return answer.version if answer.decision == "another version" else str(release.version)
