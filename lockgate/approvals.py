"""Approvals: a person's answer, bound to a fingerprint of the evidence that it was given for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lockgate.errors import DeclinedError, EvidenceChangedError, Problem
from lockgate.markdown import code, prose, table

How = Literal["form", "terminal", "--yes"]
Policy = Literal["always", "when-needed", "never"]
SAID = "said"
"""The identity of an approver whose name is nothing but what somebody typed."""


@dataclass(frozen=True, slots=True)
class Approval:
    """An answer at a checkpoint, or a way out of a conflict; `time` (ISO 8601, UTC) is when it was given.

    `signature` is an armoured SSH signature, if it has one, `identity` the fingerprint of the key that proves the name, or `said`.
    `evidence` is what the answer was given for: the fingerprint is over it.
    """

    checkpoint: str
    decision: Literal["approve", "decline", "retry", "another version", "commit", "abort"]
    approver: str
    note: str
    time: str
    fingerprint: str
    how: str
    signature: str = ""
    identity: str = SAID
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """What a checkpoint asks: a brief in Markdown, and the evidence that the answer is bound to."""

    checkpoint: str
    title: str
    found: str
    starts: str
    irreversible: str
    evidence: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """The sha256 of the evidence, independent of its order."""
        return fingerprint_of(self.checkpoint, self.evidence)

    @property
    def brief(self) -> str:
        """The question as a person reads it, in Markdown."""
        shown = {**self.evidence, "fingerprint": self.fingerprint}
        rows = [(prose(name), _code(value)) for name, value in shown.items()]
        return (
            f"## {self.title}\n\n{self.found}\n\n"
            f"**This approval starts:** {self.starts}\n\n"
            f"**Cannot be undone after it:** {self.irreversible}\n\n"
            f"{table(('evidence', ''), rows)}\n"
        )


def fingerprint_of(checkpoint: str, evidence: Mapping[str, str]) -> str:
    """Return the sha256 of a checkpoint and its evidence, independent of their order."""
    text = json.dumps({"checkpoint": checkpoint, **evidence}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _code(value: str) -> str:
    """For a cell of the brief; a digest in two halves, since Prefect's dialog is too narrow to show it whole."""
    halves = re.fullmatch(r"([0-9a-f]{32})([0-9a-f]{32})", value)
    return f"{code(halves[1])} {code(halves[2])}" if halves else code(value)


def outdated_approval(question: Question, approvals: Iterable[Approval]) -> Approval | None:
    """The newest approval of this checkpoint that was given for other evidence and is void, or None."""
    others = [
        approval
        for approval in approvals
        if approval.checkpoint == question.checkpoint and approval.fingerprint != question.fingerprint
    ]
    return others[-1] if others else None


def check_approver(
    approver: str, allowed: Iterable[str], stated_by: str = "the project's settings"
) -> tuple[Problem, ...]:
    """Who may approve: anybody when nobody is named, otherwise only the named ones (compared without case)."""
    names = tuple(allowed)
    if not names or approver.strip().casefold() in {name.casefold() for name in names}:
        return ()
    who = approver.strip() or "nobody by name"
    return (
        Problem(
            f"The answer was given by {who!r}",
            f"an approver of {stated_by}: {', '.join(names)}",
            "let one of them answer, or change `approvers` in [tool.lockgate]",
        ),
    )


def accept(approval: Approval, question: Question, allowed: Iterable[str]) -> Approval:
    """The approval, if it is a yes of somebody who may, for this very evidence.

    Raises DeclinedError for a no or an approver who may not, EvidenceChangedError for another fingerprint.
    """
    problems = check_approver(approval.approver, allowed)
    if problems:
        raise DeclinedError(*problems)
    if approval.fingerprint != question.fingerprint:
        raise EvidenceChangedError(
            Problem(
                f"{question.title!r} was approved for fingerprint {approval.fingerprint[:12]}",
                f"an approval for what is there now, {question.fingerprint[:12]}",
                "read the new brief and answer again",
            )
        )
    if approval.decision != "approve":
        note = f" ({approval.note})" if approval.note else ""
        raise DeclinedError(
            Problem(
                f"{approval.approver or 'A person'} declined {question.title!r}{note}",
                "an approval",
                "settle what was objected to and start the release again: until its tag is out it begins anew from main",
            )
        )
    return approval
