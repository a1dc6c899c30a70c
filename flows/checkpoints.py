"""Checkpoints: where a release waits for a person's yes."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Literal

from prefect.input import RunInput
from pydantic import Field

from flows.pauses import Asked, ask, spend
from lockgate.approvals import Approval, Question, accept, check_approver, given_approval, outdated_approval
from lockgate.fixture import Fixture, TestEvidence
from planning import record
from planning.release import Release

log = logging.getLogger(__name__)


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
    given = record.kept(release).approvals
    known = given_approval(question, given, release.settings.approvers)
    if known is not None:
        log.info("%s: approved by %s at %s, for the same evidence", question.title, known.approver, known.time)
        return
    if release.request.approve_all:
        approval = _approval(question, Answer(decision="approve", approver=release.request.requested_by), "--yes")
        accept(approval, question, release.settings.approvers)
        _keep(release, approval, question)
    else:
        _ask(release, question, outdated_approval(question, given))
    log.info("%s: approved", question.title)


def _ask(release: Release, question: Question, void: Approval | None) -> None:
    """Ask until somebody who may answers, and keep the answer; an answer of anybody else does not count."""
    brief = question.brief
    if void:
        log.warning("%s: %s", question.title, _void(void))
        brief = f"**{_void(void)}**\n\n{brief}"
    while True:
        answer, key = ask(Answer, _asked(release, question, brief))
        problems = check_approver(answer.approver, release.settings.approvers)
        if not problems:
            break
        log.warning("%s: %s", question.title, problems[0])
        spend(key, str(problems[0]))
    approval = _approval(question, answer, "form")
    _keep(release, approval, question)
    if approval.decision != "approve":
        spend(key)
    accept(approval, question, release.settings.approvers)


def _asked(release: Release, question: Question, brief: str) -> Asked:
    return Asked(
        f"{question.checkpoint}-{question.fingerprint[:16]}", question.title, brief,
        ("approve", "decline"), ("approver", "note"), int(release.settings.checkpoint_timeout),
    )  # fmt: skip


def _approval(question: Question, answer: Answer, how: str) -> Approval:
    return Approval(
        question.checkpoint, answer.decision, answer.approver, answer.note, record.now(), question.fingerprint, how
    )


def _void(approval: Approval) -> str:
    said = "approved" if approval.decision == "approve" else "declined"
    return f"{approval.approver} {said} this at {approval.time} for other evidence; that answer is void."


def _keep(release: Release, approval: Approval, question: Question) -> None:
    fixture: Fixture = record.kept(release).approved(approval)
    if question.checkpoint == "tests" and approval.decision == "approve":
        evidence = TestEvidence(fixture.release_commit, "evidence", source=approval.note, by=approval.approver)
        fixture = replace(fixture, tests=evidence)
    record.save(release, fixture)
