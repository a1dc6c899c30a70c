"""Who may approve: the allow-list, not the one who asked, two different people, and proof by an SSH signature."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lockgate.approvals import Approval, Question, check_approver
from lockgate.errors import Problem

NAMESPACE = "lockgate"
"""What a signature is for (`ssh-keygen -Y sign -n`, ssh-keygen(1)): one made for git or a file is none."""

Fault = Callable[[Approval], str]
"""Says what is wrong with an approval's signature, "" when nothing is."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A project's rules for one checkpoint of one release; `needed` is how many different people have to approve."""

    approvers: tuple[str, ...] = ()
    requested_by: str = ""
    self_approval: bool = True
    signed: bool = False
    needed: int = 1


def check_answer(approval: Approval, before: Iterable[Approval], rules: Rules, fault: Fault) -> tuple[Problem, ...]:
    """Why an answer does not count; empty when it does. A decline needs a name only, and the tests' checkpoint a note.

    `before` are the approvals of the same evidence that count already.
    """
    problems = check_approver(approval.approver, rules.approvers)
    if approval.decision != "approve":
        return problems
    who = approval.approver.strip()
    if approval.checkpoint == "tests" and not approval.note.strip():
        problems += (_NO_EVIDENCE,)
    if not who and (rules.needed > 1 or not rules.self_approval):
        problems += (Problem("the answer carries no name", "the name of the person who approves", "fill it in"),)
    if not rules.self_approval and _same(who, rules.requested_by):
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
    if rules.signed and not problems and (wrong := fault(approval)):
        problems += (_unproved(who, wrong),)
    return problems


def standing(question: Question, approvals: Iterable[Approval], rules: Rules, fault: Fault) -> tuple[Approval, ...]:
    """The recorded approvals of exactly this evidence that count, each by a different person; signatures are verified anew."""
    found: tuple[Approval, ...] = ()
    for one in approvals:
        fits = one.fingerprint == question.fingerprint and one.decision == "approve"
        if fits and not check_answer(one, found, rules, fault):
            found += (one,)
    return found


def check_request(requested_by: str, *, approve_all: bool, rules: Rules) -> tuple[Problem, ...]:
    """What the approval rules demand of a request, before anything is done."""
    problems: tuple[Problem, ...] = ()
    if not rules.self_approval and not requested_by.strip():
        problems += (
            Problem(
                "nobody is named as the one who asks for this release",
                "a name, since who asks may not approve (`self-approval = false`)", "fill in requested_by",
            ),
        )  # fmt: skip
    strict = [
        name
        for name, on in (
            ("self-approval = false", not rules.self_approval),
            ("signed-approvals = true", rules.signed),
            (f"approvals-before-publish = {rules.needed}", rules.needed > 1),
        )
        if on
    ]
    if approve_all and strict:
        problems += (
            Problem(
                "every checkpoint shall be answered with yes in the name of who asks",
                f"answers by people, as the project's settings want them ({', '.join(strict)})",
                "release without --yes (approve_all)",
            ),
        )
    return problems


def how_to_sign(fingerprint: str) -> str:
    """How an approval is signed, in Markdown."""
    return (
        "**This approval has to be signed:** `lockgate approve RUN --key KEY`; or paste into the form what this prints:\n\n"
        f"```\nprintf %s {fingerprint} | ssh-keygen -Y sign -n {NAMESPACE} -f KEY\n```\n"
    )


_NO_EVIDENCE = Problem(
    "the answer does not say where the tests ran",
    "the evidence in the note: a link to the run, or words",
    "fill in the note",
)


def _unproved(who: str, wrong: str) -> Problem:
    return Problem(
        f"the approval of {who!r} is not proved: {wrong}",
        "an SSH signature over the fingerprint, by a key that the project's allowed signers name for them",
        "answer with `lockgate approve RUN --key KEY`, under the name that the key has there",
    )


def _same(one: str, other: str) -> bool:
    return bool(one.strip()) and one.strip().casefold() == other.strip().casefold()
