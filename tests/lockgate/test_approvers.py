"""Who may approve."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.approvals import Approval, Question
from lockgate.approvers import (
    Proof,
    Rules,
    check_answer,
    check_next,
    check_request,
    how_to_sign,
    judge,
    with_identity,
)

QUESTION = Question("publish", "Publish", "Shall it?", "the tag", "everything", {"commit": "a", "version": "1"})
OTHER = replace(QUESTION, evidence={"commit": "b", "version": "1"})


def answer(
    approver: str = "Ann", question: Question = QUESTION, decision: str = "approve", signature: str = ""
) -> Approval:
    time = "2026-11-22T20:00:00Z"
    return Approval("publish", decision, approver, "", time, question.fingerprint, "form", signature)  # type: ignore[arg-type]


def prove(approval: Approval) -> Proof:
    """Stands for the check of a signature: good ones are `NAME` or `NAME KEY`."""
    name, _, key = approval.signature.partition(" ")
    return Proof("", key or f"key of {name}") if name == approval.approver else Proof("not theirs")


SIGNED = Rules(signed=True, prove=prove)


def approvals(given: list[Approval], *rules: Rules) -> tuple[Approval, ...]:
    return judge(QUESTION, given, rules).approvals


def test_same_evidence_is_not_asked_again() -> None:
    assert approvals([answer()], Rules()) == (answer(),)
    assert judge(QUESTION, [answer()], [Rules()]).is_approved
    assert approvals([answer(question=OTHER), replace(answer(), checkpoint="tests")], Rules()) == ()


def test_yes_of_somebody_who_may_not_never_counts_later() -> None:
    rules = Rules(approvers=("Ann",))
    assert approvals([answer("Eve")], rules) == ()
    assert approvals([answer("Eve"), answer("ann ")], rules) == (answer("ann "),)


def test_one_person_counts_once_however_the_name_is_written() -> None:
    given = [answer("Ann"), answer(" ANN"), answer("Bob")]
    assert approvals(given, Rules(needed=2)) == (answer("Ann"), answer("Bob"))


def test_one_key_counts_once_whatever_names_it_is_used_under() -> None:
    given = [answer("Ann", signature="Ann 7"), answer("Bob", signature="Bob 7")]
    tally = judge(QUESTION, given, [replace(SIGNED, needed=2)])
    assert not tally.is_approved
    (problem,) = check_next(given[1], tally, [replace(SIGNED, needed=2)])
    assert problem.seen == "'Bob' signs with the key that 'Ann' has approved this with (7)"
    other = answer("Bob", signature="Bob 8")
    assert judge(QUESTION, [*given, other], [replace(SIGNED, needed=2)]).is_approved


def test_who_asked_may_not_approve_with_their_key_under_another_name() -> None:
    def one_key(approval: Approval) -> Proof:
        return Proof("", "7") if approval.signature == "by key 7" else Proof("not theirs")

    rules = Rules(requested_by="Ann", self_approval=False, signed=True, prove=one_key)
    (problem,) = check_answer(answer("Eve", signature="by key 7"), (), rules)
    assert problem.seen == "'Eve' asked for this release"


def test_recorded_approval_without_proof_does_not_count() -> None:
    """A record that somebody wrote by hand is no approval."""
    given = [answer("Ann"), answer("Bob", signature="Bob")]
    assert approvals(given, SIGNED) == (answer("Bob", signature="Bob"),)


def test_the_identity_is_the_key_where_a_signature_proves_it() -> None:
    assert with_identity(answer("Bob", signature="Bob 7"), [SIGNED]).identity == "7"
    assert with_identity(answer("Ann", signature="Bob 7"), [SIGNED]).identity == "said"
    assert with_identity(answer("Bob", signature="Bob 7"), [Rules()]).identity == "said"


def test_every_set_of_rules_wants_its_own_people() -> None:
    """As a new root does in The Update Framework: those whom the old rules ask and those whom the new ones do."""
    old, new = Rules(approvers=("Ann",)), Rules(approvers=("Bob", "Eve"))
    tally = judge(QUESTION, [answer("Bob")], [new, old])
    assert (tally.approvals, tally.lacking) == ((answer("Bob"),), (old,))
    (problem,) = check_next(answer("Eve"), tally, [new, old])
    assert problem.seen == "The answer was given by 'Eve'"
    assert check_next(answer("Ann"), tally, [new, old]) == ()
    assert judge(QUESTION, [answer("Bob"), answer("Ann")], [new, old]).is_approved
    both = Rules(approvers=("Ann", "Bob"))
    assert judge(QUESTION, [answer("Ann")], [both, old]).is_approved


def test_a_decline_ends_what_was_approved_and_counts_until_somebody_who_may_says_otherwise() -> None:
    rules = Rules(approvers=("Ann", "Bob"), needed=2)
    no = answer("Bob", decision="decline")
    tally = judge(QUESTION, [answer("Ann"), no, answer("Eve")], [rules])
    assert (tally.approvals, tally.declined) == ((), no)
    tally = judge(QUESTION, [answer("Ann"), no, answer("Ann")], [rules])
    assert (tally.approvals, tally.declined, tally.is_approved) == ((answer("Ann"),), None, False)
    stranger = answer("Eve", decision="decline")
    assert judge(QUESTION, [answer("Ann"), stranger, answer("Bob")], [rules]).is_approved


@pytest.mark.parametrize(
    ("given", "rules", "words"),
    [
        (answer("Eve"), Rules(approvers=("Ann", "Bob")), "an approver of the project's settings: Ann, Bob"),
        (answer("ann"), Rules(requested_by="Ann", self_approval=False), "'ann' asked for this release"),
        (answer(" "), Rules(), "carries no name"),
        (answer(" ", decision="decline"), Rules(), "carries no name"),
        (answer(""), Rules(approvers=("Ann",)), "carries no name"),
        (answer("Bob"), Rules(needed=2), "'Bob' has approved this already"),
        (answer("Ann"), SIGNED, "'Ann' is not proved: not theirs"),
    ],
)
def test_an_answer_that_does_not_count_says_why(given: Approval, rules: Rules, words: str) -> None:
    problems = check_answer(given, (answer("Bob"),), rules)
    assert len(problems) == 1
    assert words in str(problems[0])


@pytest.mark.parametrize(
    ("given", "rules"),
    [
        (answer("Ann"), Rules(requested_by="Ann")),
        (answer("Ann"), Rules(approvers=("ANN",), requested_by="Bob", self_approval=False, needed=2)),
        (answer("Ann", signature="Ann"), SIGNED),
        (answer("Ann", decision="decline"), Rules(requested_by="Ann", self_approval=False, signed=True, needed=2)),
    ],
)
def test_an_answer_that_counts(given: Approval, rules: Rules) -> None:
    assert check_answer(given, (), rules) == ()


def test_a_request_that_no_rule_speaks_against() -> None:
    strict = Rules(approvers=("Ann",), self_approval=False, signed=True, needed=2)
    assert check_request("", approve_all=False, rules=[Rules(approvers=("Ann",))]) == ()
    assert check_request("Ann", approve_all=True, rules=[Rules()]) == ()
    assert check_request("Ann", approve_all=False, rules=[strict]) == ()


@pytest.mark.parametrize(
    ("who", "approve_all", "rules", "words"),
    [
        (" ", False, Rules(self_approval=False), "nobody is named as the one who asks"),
        (" ", True, Rules(), "nobody is named as the one who asks"),
        ("Ann", True, Rules(approvers=("Ann",)), "approvers = Ann"),
        ("Ann", True, Rules(self_approval=False), "self-approval = false"),
        ("Ann", True, Rules(signed=True), "signed-approvals = true"),
        ("Ann", True, Rules(needed=2), "approvals-before-publish = 2"),
    ],
)
def test_a_request_that_could_never_be_approved_is_refused_at_once(
    who: str, approve_all: bool, rules: Rules, words: str
) -> None:
    problems = check_request(who, approve_all=approve_all, rules=[Rules(), rules])
    assert len(problems) == 1
    assert words in str(problems[0])


def test_how_to_sign_names_the_whole_fingerprint() -> None:
    assert f"printf %s {QUESTION.fingerprint} | ssh-keygen" in how_to_sign(QUESTION.fingerprint)


def test_evidence_for_the_tests_is_in_the_note() -> None:
    silent, told = (replace(answer(), checkpoint="tests", note=note) for note in (" ", "https://ci.example.org/7"))
    (problem,) = check_answer(silent, (), Rules())
    assert problem.seen == "the answer does not say where the tests ran"
    assert check_answer(told, (), Rules()) == ()
    assert check_answer(replace(silent, decision="decline"), (), Rules()) == ()
