"""Who may approve."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.approvals import Approval, Question
from lockgate.approvers import Rules, check_answer, check_request, how_to_sign, standing

QUESTION = Question("publish", "Publish", "Shall it?", "the tag", "everything", {"commit": "a", "version": "1"})
OTHER = replace(QUESTION, evidence={"commit": "b", "version": "1"})


def answer(
    approver: str = "Ann", question: Question = QUESTION, decision: str = "approve", signature: str = ""
) -> Approval:
    time = "2026-11-22T20:00:00Z"
    return Approval("publish", decision, approver, "", time, question.fingerprint, "form", signature)  # type: ignore[arg-type]


def proved(approval: Approval) -> str:
    """Stands for the check of a signature: the only good one is the approver's own name."""
    return "" if approval.signature == approval.approver else "not theirs"


def test_same_evidence_is_not_asked_again() -> None:
    assert standing(QUESTION, [answer()], Rules(), proved) == (answer(),)
    assert standing(QUESTION, [answer(question=OTHER), answer(decision="decline")], Rules(), proved) == ()


def test_yes_of_somebody_who_may_not_never_counts_later() -> None:
    rules = Rules(approvers=("Ann",))
    assert standing(QUESTION, [answer("Eve")], rules, proved) == ()
    assert standing(QUESTION, [answer("Eve"), answer("ann ")], rules, proved) == (answer("ann "),)


def test_one_person_counts_once_however_the_name_is_written() -> None:
    given = [answer("Ann"), answer(" ANN"), answer("Bob")]
    assert standing(QUESTION, given, Rules(needed=2), proved) == (answer("Ann"), answer("Bob"))


def test_recorded_approval_without_proof_does_not_count() -> None:
    """A record that somebody wrote by hand is no approval."""
    given = [answer("Ann"), answer("Bob", signature="Bob")]
    assert standing(QUESTION, given, Rules(signed=True), proved) == (answer("Bob", signature="Bob"),)


@pytest.mark.parametrize(
    ("given", "rules", "words"),
    [
        (answer("Eve"), Rules(approvers=("Ann", "Bob")), "an approver of the project's settings: Ann, Bob"),
        (answer("ann"), Rules(requested_by="Ann", self_approval=False), "'ann' asked for this release"),
        (answer(" "), Rules(requested_by="Ann", self_approval=False), "carries no name"),
        (answer(""), Rules(needed=2), "carries no name"),
        (answer("Bob"), Rules(needed=2), "'Bob' has approved this already"),
        (answer("Ann"), Rules(signed=True), "'Ann' is not proved: not theirs"),
    ],
)
def test_an_answer_that_does_not_count_says_why(given: Approval, rules: Rules, words: str) -> None:
    problems = check_answer(given, (answer("Bob"),), rules, proved)
    assert len(problems) == 1
    assert words in str(problems[0])


@pytest.mark.parametrize(
    ("given", "rules"),
    [
        (answer(""), Rules()),
        (answer("Ann"), Rules(requested_by="Ann")),
        (answer("Ann"), Rules(approvers=("ANN",), requested_by="Bob", self_approval=False, needed=2)),
        (answer("Ann", signature="Ann"), Rules(signed=True)),
        (answer("Ann", decision="decline"), Rules(requested_by="Ann", self_approval=False, signed=True, needed=2)),
    ],
)
def test_an_answer_that_counts(given: Approval, rules: Rules) -> None:
    assert check_answer(given, (), rules, proved) == ()


def test_a_request_that_no_rule_speaks_against() -> None:
    assert check_request("", approve_all=True, rules=Rules(approvers=("Ann",))) == ()
    assert check_request("Ann", approve_all=False, rules=Rules(self_approval=False, signed=True, needed=2)) == ()


@pytest.mark.parametrize(
    ("who", "approve_all", "rules", "words"),
    [
        (" ", False, Rules(self_approval=False), "nobody is named as the one who asks"),
        ("Ann", True, Rules(self_approval=False), "self-approval = false"),
        ("Ann", True, Rules(signed=True), "signed-approvals = true"),
        ("Ann", True, Rules(needed=2), "approvals-before-publish = 2"),
    ],
)
def test_a_request_that_could_never_be_approved_is_refused_at_once(
    who: str, approve_all: bool, rules: Rules, words: str
) -> None:
    problems = check_request(who, approve_all=approve_all, rules=rules)
    assert len(problems) == 1
    assert words in str(problems[0])


def test_how_to_sign_names_the_whole_fingerprint() -> None:
    assert f"printf %s {QUESTION.fingerprint} | ssh-keygen" in how_to_sign(QUESTION.fingerprint)


def test_evidence_for_the_tests_is_in_the_note() -> None:
    silent, told = (replace(answer(), checkpoint="tests", note=note) for note in (" ", "https://ci.example.org/7"))
    (problem,) = check_answer(silent, (), Rules(), proved)
    assert problem.seen == "the answer does not say where the tests ran"
    assert check_answer(told, (), Rules(), proved) == ()
    assert check_answer(replace(silent, decision="decline"), (), Rules(), proved) == ()
