"""Checkpoints: where a release waits for a person's yes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from prefect.input import RunInput
from pydantic import Field

from flows.giving_up import give_up
from flows.pauses import Asked, ask, spend
from lockgate.approvals import Approval, Question, accept, outdated_approval
from lockgate.approvers import (
    NOT_PROVED,
    Rules,
    Tally,
    check_next,
    check_request,
    how_to_sign,
    judge,
    with_identity,
)
from lockgate.errors import DeclinedError
from lockgate.fixture import Fixture, TestEvidence
from lockgate.markdown import code, prose
from planning import record
from planning.approving import rules_of
from planning.release import Release

log = logging.getLogger(__name__)


class Answer(RunInput):
    """Your decision. It is bound to the fingerprint above and goes to the release fixture."""

    decision: Literal["approve", "decline", "abort"] = Field(
        title="Decision",
        description="Decline stops here and leaves everything where it is. Abort gives the release up: what it left is taken"
        " back, and you are asked first about what is public. There is no default on purpose.",
    )
    approver: str = Field(
        title="Your name", description="Recorded with the answer; checked against `approvers`.", min_length=1
    )
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

    Raises DeclinedError for a no, also for an earlier one that nobody has taken back where every question is answered with yes;
    AbortedError when somebody gave the release up; ExpiredError when nobody answered in time.
    """
    if question is None:
        return
    rules = rules_of(release, question.checkpoint)
    while True:
        given = record.kept(release).approvals
        tally = judge(question, given, rules)
        if tally.is_approved:
            break
        if release.request.approve_all:
            _approve_as_requested(release, question, tally, rules)
        else:
            _ask(release, question, outdated_approval(question, given), tally, rules)
    said = ", ".join(f"{one.approver} at {one.time}" for one in tally.approvals)
    log.info("%s: approved for this very evidence by %s", question.title, said)


def _approve_as_requested(release: Release, question: Question, tally: Tally, rules: Sequence[Rules]) -> None:
    if tally.declined:
        accept(tally.declined, question, ())
    note = release.request.tested if question.checkpoint == "tests" else ""
    answer = Answer(decision="approve", approver=release.request.requested_by, note=note)
    approval = _approval(question, answer, "--yes", record.now())
    if problems := check_request(approval.approver, approve_all=True, rules=rules) or check_next(
        approval, tally, rules
    ):
        raise DeclinedError(*problems)
    _keep(release, approval, question)


def _ask(release: Release, question: Question, void: Approval | None, tally: Tally, rules: Sequence[Rules]) -> None:
    """Ask until somebody who may answers, and keep the answer; an answer of anybody else does not count."""
    signed = any(one.signed for one in tally.lacking)
    brief = _brief(question, void, tally, signed=signed)
    while True:
        answer, key, time = ask(SignedAnswer if signed else Answer, _asked(release, question, brief, signed=signed))
        if answer.decision == "abort":
            give_up(release, key, answer.approver, answer.note)
        approval = with_identity(_approval(question, answer, "form", record.in_words(time)), rules)
        problems = check_next(approval, tally, rules)
        if not problems:
            break
        log.warning("%s: %s", question.title, problems[0])
        spend(key, str(problems[0]))
    _keep(release, approval, question)
    if not judge(question, record.kept(release).approvals, rules).is_approved:
        spend(key)
    accept(approval, question, ())


def _brief(question: Question, void: Approval | None, tally: Tally, *, signed: bool) -> str:
    """The question's brief after what was answered to it before, and with how an answer is proved."""
    said = []
    if tally.declined:
        said.append(f"**{prose(_declined(tally.declined))}**")
    if tally.approvals:
        by = ", ".join(code(one.approver) for one in tally.approvals)
        asked = "; ".join(f"{one.needed} by the rules of {one.stated_by}" for one in tally.lacking)
        said.append(f"**Approved by {by}; one more person has to ({prose(asked)}).**")
    elif void and not tally.declined:
        log.warning("%s: %s", question.title, _void(void, question))
        said.append(f"**{prose(_void(void, question))}**")
    before = "".join(f"{one}\n\n" for one in said)
    return f"{before}{question.brief}\n{how_to_sign(question.fingerprint) if signed else NOT_PROVED}"


def _asked(release: Release, question: Question, brief: str, *, signed: bool) -> Asked:
    fields = ("approver", "note", *(("signature",) if signed else ()))
    return Asked(
        f"{question.checkpoint}-{question.fingerprint[:16]}", question.title, brief,
        ("approve", "decline", "abort"), fields, int(release.settings.checkpoint_timeout), question,
    )  # fmt: skip


def _approval(question: Question, answer: Answer, how: str, time: str) -> Approval:
    signature = answer.signature if isinstance(answer, SignedAnswer) else ""
    return Approval(
        question.checkpoint, answer.decision, answer.approver, answer.note, time, question.fingerprint, how, signature,
        evidence=question.evidence,
    )  # fmt: skip


def _declined(approval: Approval) -> str:
    note = f": {approval.note}" if approval.note else ""
    return f"{approval.approver} declined exactly this at {approval.time}{note}. That counts until somebody who may approve does."


def _void(approval: Approval, question: Question) -> str:
    said = "approved" if approval.decision == "approve" else "declined"
    before, now = approval.evidence, question.evidence
    changed = [name for name in dict.fromkeys((*before, *now)) if before.get(name) != now.get(name)]
    what = f" Changed since: {', '.join(changed)}." if before else ""
    return f"{approval.approver} {said} this at {approval.time} for other evidence; that answer is void.{what}"


def _keep(release: Release, approval: Approval, question: Question) -> None:
    fixture: Fixture = record.kept(release).approved(approval)
    if question.checkpoint == "tests" and approval.decision == "approve":
        evidence = TestEvidence(fixture.release_commit, "evidence", source=approval.note, by=approval.approver)
        fixture = replace(fixture, tests=evidence)
    record.save(release, fixture)
