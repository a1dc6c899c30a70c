"""Who may approve: the allow-lists, not the one who asked, several different people, and proof by an SSH signature."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from lockgate.approvals import SAID, Approval, Question, check_approver
from lockgate.errors import Problem

NAMESPACE = "lockgate"
"""What a signature is for (`ssh-keygen -Y sign -n`, ssh-keygen(1)): one made for git or a file is none."""


class Proof(NamedTuple):
    """What an approval's signature came to: what is wrong with it ("" when nothing is), and the fingerprint of its key."""

    fault: str
    key: str = ""


Prove = Callable[[Approval], Proof]
"""Verifies the signature of an approval."""


def nothing_proved(_: Approval) -> Proof:
    """Where no signatures are asked for, a name is what somebody says."""
    return Proof("")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for one checkpoint of one release, as one commit states them (`stated_by` says which).

    `needed` is how many different people have to approve, `prove` verifies signatures by that commit's allowed signers.
    """

    approvers: tuple[str, ...] = ()
    requested_by: str = ""
    self_approval: bool = True
    signed: bool = False
    needed: int = 1
    prove: Prove = nothing_proved
    stated_by: str = "the project's settings"


@dataclass(frozen=True, slots=True)
class Tally:
    """What the recorded answers to one question come to: the approvals that count, and the decline that still does."""

    approvals: tuple[Approval, ...] = ()
    declined: Approval | None = None
    lacking: tuple[Rules, ...] = ()

    @property
    def is_approved(self) -> bool:
        """Whether every set of rules has all the approvals that it wants."""
        return not self.lacking


def check_answer(approval: Approval, before: Iterable[Approval], rules: Rules) -> tuple[Problem, ...]:
    """Why an answer does not count; empty when it does. A decline needs a name only, and the tests' checkpoint a note.

    `before` are the approvals of the same evidence that count already.
    """
    who = approval.approver.strip()
    if not who:
        return (_NAMELESS,)
    problems = check_approver(approval.approver, rules.approvers, rules.stated_by)
    if approval.decision != "approve":
        return problems
    if approval.checkpoint == "tests" and not approval.note.strip():
        problems += (_NO_EVIDENCE,)
    proof = rules.prove(approval) if rules.signed and not problems else Proof("")
    if not rules.self_approval and _is_requester(approval, rules):
        problems += (
            Problem(
                f"{who!r} asked for this release", "an approval by somebody else (`self-approval = false`)",
                "let another person answer",
            ),
        )  # fmt: skip
    if any(_same(who, one.approver) for one in before):
        problems += (
            Problem(
                f"{who!r} has approved this already", "an approval by a different person", "let another one answer"
            ),
        )
    elif other := next((one.approver for one in before if proof.key and proof.key == rules.prove(one).key), ""):
        problems += (_one_key(who, other, proof.key),)
    if proof.fault and not problems:
        problems += (_unproved(who, proof.fault, rules.stated_by),)
    return problems


def judge(question: Question, approvals: Iterable[Approval], rules: Sequence[Rules]) -> Tally:
    """What the recorded answers to exactly this evidence come to under every set of rules; signatures are verified anew.

    An approval counts where the rules allow its approver. A decline by somebody who may approve ends what was approved before
    it, and counts until somebody who may says otherwise.
    """
    found: tuple[Approval, ...] = ()
    declined: Approval | None = None
    for one in approvals:
        if one.fingerprint != question.fingerprint or one.checkpoint != question.checkpoint:
            continue
        if one.decision == "approve":
            if any(not check_answer(one, counted(found, each), each) for each in rules):
                found, declined = (*found, one), None
        elif any(not check_answer(one, (), each) for each in rules):
            found, declined = (), one
    lacking = tuple(each for each in rules if len(counted(found, each)) < each.needed)
    return Tally(found, declined, lacking)


def counted(approvals: Iterable[Approval], rules: Rules) -> tuple[Approval, ...]:
    """Those of the approvals that count under one set of rules, each by a different person."""
    found: tuple[Approval, ...] = ()
    for one in approvals:
        if not check_answer(one, found, rules):
            found += (one,)
    return found


def check_next(approval: Approval, tally: Tally, rules: Sequence[Rules]) -> tuple[Problem, ...]:
    """Why one more answer counts under none of the rules that still lack an approval; empty when it does.

    Of several sets of rules the problems of the first are told.
    """
    asked = tally.lacking if approval.decision == "approve" else rules
    found = [check_answer(approval, counted(tally.approvals, one), one) for one in asked]
    return () if not all(found) else found[0] if found else ()


def with_identity(approval: Approval, rules: Sequence[Rules]) -> Approval:
    """The approval with what its name is proved by: the fingerprint of the key, or that somebody says so."""
    proofs = [one.prove(approval) for one in rules if one.signed and approval.signature]
    key = next((proof.key for proof in proofs if proof.key and not proof.fault), SAID)
    return replace(approval, identity=key)


def check_request(requested_by: str, *, approve_all: bool, rules: Sequence[Rules]) -> tuple[Problem, ...]:
    """What the approval rules demand of a request, before anything is done."""
    problems: tuple[Problem, ...] = ()
    named = bool(requested_by.strip())
    if not named and not all(one.self_approval for one in rules):
        problems += (
            Problem(
                "nobody is named as the one who asks for this release",
                "a name, since who asks may not approve (`self-approval = false`)", "fill in requested_by",
            ),
        )  # fmt: skip
    strict = dict.fromkeys(word for one in rules for word in _strict(one))
    if approve_all and strict:
        problems += (
            Problem(
                "every checkpoint shall be answered with yes in the name of who asks",
                f"answers by people, as the project's settings want them ({', '.join(strict)})",
                "release without --yes (approve_all)",
            ),
        )
    elif approve_all and not named:
        problems += (
            Problem(
                "every checkpoint shall be answered with yes, and nobody is named as the one who asks",
                "a name, since nobody cannot approve", "fill in requested_by",
            ),
        )  # fmt: skip
    return problems


def how_to_sign(fingerprint: str) -> str:
    """How an approval is signed, in Markdown."""
    return (
        "**This approval has to be signed:** `lockgate approve RUN --key KEY`; or paste into the form what this prints:\n\n"
        f"```\nprintf %s {fingerprint} | ssh-keygen -Y sign -n {NAMESPACE} -f KEY\n```\n"
    )


NOT_PROVED = (
    "The name of who answers is what that person says: this project asks for no signatures, so nothing proves it."
)
"""For the brief of a question that is answered without a signature."""

_NAMELESS = Problem("the answer carries no name", "the name of the person who answers", "fill it in")
_NO_EVIDENCE = Problem(
    "the answer does not say where the tests ran",
    "the evidence in the note: a link to the run, or words",
    "fill in the note",
)


def _strict(rules: Rules) -> list[str]:
    """The rules that want people to answer, as the settings state them."""
    stated = (
        (f"approvers = {', '.join(rules.approvers)}", bool(rules.approvers)),
        ("self-approval = false", not rules.self_approval),
        ("signed-approvals = true", rules.signed),
        (f"approvals-before-publish = {rules.needed}", rules.needed > 1),
    )
    return [word for word, on in stated if on]


def _is_requester(approval: Approval, rules: Rules) -> bool:
    """Whether the one who asked answers, under the same name or with a key that is allowed for that name."""
    if _same(approval.approver, rules.requested_by):
        return True
    as_requester = replace(approval, approver=rules.requested_by)
    return rules.signed and bool(rules.requested_by.strip()) and not rules.prove(as_requester).fault


def _unproved(who: str, wrong: str, stated_by: str) -> Problem:
    return Problem(
        f"the approval of {who!r} is not proved: {wrong}",
        f"an SSH signature over the fingerprint, by a key that the allowed signers of {stated_by} name for them",
        "answer with `lockgate approve RUN --key KEY`, under the name that the key has there",
    )


def _one_key(who: str, other: str, key: str) -> Problem:
    return Problem(
        f"{who!r} signs with the key that {other!r} has approved this with ({key})",
        "an approval by a different person: people are counted by their keys", "let another one answer",
    )  # fmt: skip


def _same(one: str, other: str) -> bool:
    return bool(one.strip()) and one.strip().casefold() == other.strip().casefold()
