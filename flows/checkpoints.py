"""Checkpoints: where a release waits for a person's yes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

from prefect.input import RunInput
from pydantic import Field

from flows.pauses import Asked, ask, spend
from lockgate.approvals import Approval, Question, accept, outdated_approval
from lockgate.approvers import check_answer, how_to_sign, standing
from lockgate.errors import DeclinedError, Problem
from lockgate.fixture import Fixture, TestEvidence
from lockgate.markdown import code, prose
from planning import record
from planning.approving import rules_of, signature_fault
from planning.release import Release

log = logging.getLogger(__name__)

Check = Callable[[Approval], tuple[Problem, ...]]


class Answer(RunInput):
    """Your decision. It is bound to the fingerprint above and goes to the release fixture."""

    decision: Literal["approve", "decline"] = Field(title="Decision", description="There is no default on purpose.")
    approver: str = Field(title="Your name", description="Recorded with the answer; checked against `approvers`.")
    note: str = Field(
        default="", title="Note", description="For the tests: where they ran. Otherwise what you want kept."
    )


class SignedAnswer(Answer):
    """Your decision, and the proof that it is yours. Both are bound to the fingerprint above and go to the release fixture."""

    signature: str = Field(
        default="",
        title="SSH signature",
        description="What the command above prints, from BEGIN to END; for an approval.",
    )


def approve(release: Release, question: Question | None) -> None:
    """Wait until enough people have said yes to this very evidence; returns at once when nothing is asked or they did before.

    Raises DeclinedError for a no, ExpiredError when nobody answered in time.
    """
    if question is None:
        return
    rules, fault = rules_of(release, question.checkpoint), signature_fault(release)
    while True:
        given = record.kept(release).approvals
        before = standing(question, given, rules, fault)
        if len(before) >= rules.needed:
            break
        check = partial(check_answer, before=before, rules=rules, fault=fault)
        if release.request.approve_all:
            _approve_as_requested(release, question, check)
        else:
            _ask(release, question, outdated_approval(question, given), before, check)
    said = ", ".join(f"{one.approver} at {one.time}" for one in before)
    log.info("%s: approved for this very evidence by %s", question.title, said)


def _approve_as_requested(release: Release, question: Question, check: Check) -> None:
    note = release.request.tested if question.checkpoint == "tests" else ""
    answer = Answer(decision="approve", approver=release.request.requested_by, note=note)
    approval = _approval(question, answer, "--yes")
    if problems := check(approval):
        raise DeclinedError(*problems)
    _keep(release, approval, question)


def _ask(
    release: Release, question: Question, void: Approval | None, before: tuple[Approval, ...], check: Check
) -> None:
    """Ask until somebody who may answers, and keep the answer; an answer of anybody else does not count."""
    signed = release.settings.signed_approvals
    brief = f"{question.brief}\n{how_to_sign(question.fingerprint)}" if signed else question.brief
    if before:
        brief = f"**Approved by {', '.join(code(one.approver) for one in before)}; one more person has to.**\n\n{brief}"
    elif void:
        log.warning("%s: %s", question.title, _void(void))
        brief = f"**{prose(_void(void))}**\n\n{brief}"
    while True:
        answer, key = ask(SignedAnswer if signed else Answer, _asked(release, question, brief))
        approval = _approval(question, answer, "form")
        problems = check(approval)
        if not problems:
            break
        log.warning("%s: %s", question.title, problems[0])
        spend(key, str(problems[0]))
    _keep(release, approval, question)
    if approval.decision != "approve" or rules_of(release, question.checkpoint).needed > 1:
        spend(key)
    accept(approval, question, release.settings.approvers)


def _asked(release: Release, question: Question, brief: str) -> Asked:
    fields = ("approver", "note", *(("signature",) if release.settings.signed_approvals else ()))
    return Asked(
        f"{question.checkpoint}-{question.fingerprint[:16]}", question.title, brief,
        ("approve", "decline"), fields, int(release.settings.checkpoint_timeout),
    )  # fmt: skip


def _approval(question: Question, answer: Answer, how: str) -> Approval:
    signature = answer.signature if isinstance(answer, SignedAnswer) else ""
    return Approval(
        question.checkpoint, answer.decision, answer.approver, answer.note, record.now(), question.fingerprint, how,
        signature,
    )  # fmt: skip


def _void(approval: Approval) -> str:
    said = "approved" if approval.decision == "approve" else "declined"
    return f"{approval.approver} {said} this at {approval.time} for other evidence; that answer is void."


def _keep(release: Release, approval: Approval, question: Question) -> None:
    fixture: Fixture = record.kept(release).approved(approval)
    if question.checkpoint == "tests" and approval.decision == "approve":
        evidence = TestEvidence(fixture.release_commit, "evidence", source=approval.note, by=approval.approver)
        fixture = replace(fixture, tests=evidence)
    record.save(release, fixture)
