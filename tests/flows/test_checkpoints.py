"""Checkpoints on a real Prefect server: nothing goes on without an answer, and no answer counts for anything else."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prefect import Flow, flow, pause_flow_run, suspend_flow_run
from prefect.states import Crashed, Failed, Running

from flows.checkpoints import approve
from flows.ending import Trail, stopped
from lockgate.approvals import Question
from lockgate.approvers import NOT_PROVED
from lockgate.errors import LockgateError
from lockgate.request import Request
from planning import record, survey
from planning.opening import open_release
from planning.release import Release
from sandbox.world import Sandbox
from tests.flow_runs import git, until

QUESTION = Question(
    "publisher", "Confirm PyPI Trusted Publisher settings", "Compare them.", starts="the checks", irreversible="Nothing.",
    evidence={"version": "1.1.0", "commit": "a" * 40},
)  # fmt: skip
OTHER = replace(QUESTION, evidence={"version": "1.1.0", "commit": "b" * 40})
YES = {"decision": "approve", "approver": "Ada"}
SLOW = pytest.mark.slow
KINDS = pytest.mark.parametrize("deployed", [pytest.param(False, marks=SLOW), True], ids=["paused", "suspended"])
RETRIES = pytest.mark.parametrize(
    ("deployed", "force"),
    [pytest.param(False, True, marks=SLOW), (True, True), pytest.param(True, False, marks=SLOW)],
    ids=["paused", "V2", "V1"],
)


@pytest.fixture
def release(sandbox: Sandbox) -> Release:
    """An opened release with a record, as step 1 leaves it."""
    made = open_release(Request(sandbox.origin_url, "minor", requested_by="Ada"), os.environ)
    record.save(made, record.load(made, survey.look_at_origin(made)))
    return made


def allow(sandbox: Sandbox, release: Release, *approvers: str) -> None:
    """Name the approvers on the release branch."""
    pyproject = git(sandbox.folder / "origin.git", "show", "main:pyproject.toml").partition("\n[tool.lockgate]")[0]
    names = ", ".join(f'"{name}"' for name in approvers)
    sandbox.commit_to_main(
        "pyproject.toml", f"{pyproject}\n[tool.lockgate]\napprovers = [{names}]\n", "Name the approvers"
    )
    survey.look_at_origin(release)


def asking(release: Release, *questions: Question, timeout_seconds: float = 600) -> Flow:
    """A flow that passes when every question was approved, and ends as a release does when not."""
    release.settings = replace(release.settings, checkpoint_timeout=timeout_seconds)

    @flow(name="asks", persist_result=False)
    def asks():
        try:
            for question in questions:
                approve(release, question)
        except LockgateError as error:
            return stopped(Trail(release.request), error)
        return "passed"

    return asks


def given(release: Release) -> list[tuple[str, str, str]]:
    return [(one.checkpoint, one.decision, one.approver) for one in record.kept(release).approvals]


def test_yes_lets_it_go_on_and_is_recorded(runs, release):
    run = runs.begin(asking(release, QUESTION))
    waiting = run.asks()
    assert waiting.state.name == "Paused"
    assert waiting.brief == f"{QUESTION.brief}\n{NOT_PROVED}"
    assert waiting.schema["required"] == ["decision", "approver"]
    assert waiting.answer(**YES, note="all four are the same").status == "ACCEPT"
    assert run.ends().result() == "passed"
    (approval,) = record.kept(release).approvals
    assert (approval.approver, approval.note, approval.how) == ("Ada", "all four are the same", "form")
    assert (approval.fingerprint, approval.evidence) == (QUESTION.fingerprint, QUESTION.evidence)
    assert approval.identity == "said"


def test_deployed_run_suspends_and_goes_on_in_another_process(runs, release):
    run = runs.begin(asking(release, QUESTION), deployed=True)
    waiting = run.asks()
    assert waiting.state.name == "Suspended"
    assert run.ends().is_paused(), "the process has ended while the run waits"
    assert waiting.answer(**YES).status == "ACCEPT"
    assert run.begin().ends().result() == "passed"
    assert given(release) == [("publisher", "approve", "Ada")]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "decision"),
        ({"decision": "approve"}, "'approver' is a required property"),
        ({"approver": "Ada"}, "'decision' is a required property"),
        ({"decision": "perhaps", "approver": "Ada"}, "'perhaps' is not one of"),
        ({**YES, "force": True}, "Additional properties are not allowed"),
    ],
    ids=["nothing", "no name", "no decision", "another word", "another field"],
)
def test_missing_or_invalid_input_is_rejected_and_it_still_waits(runs, release, fields, words):
    run = runs.begin(asking(release, QUESTION))
    waiting = run.asks()
    refused = waiting.answer(**fields)
    assert refused.status == "REJECT"
    assert words in str(refused.details)
    assert run.state.is_paused()
    assert given(release) == []
    waiting.answer(**YES)
    assert run.ends().result() == "passed"


@RETRIES
def test_no_ends_as_declined_and_a_retry_asks_anew(runs, release, deployed, force):
    run = runs.begin(asking(release, QUESTION), deployed=deployed)
    run.asks().answer(decision="decline", approver="Bob", note="wrong workflow")
    state = run.resumed().ends()
    assert state.name == "Declined"
    assert "Bob declined" in state.message
    assert "(wrong workflow)" in state.message
    assert "start the release again" in state.message
    waiting = run.retry(force=force).asks()
    waiting.answer(**YES)
    assert run.resumed().ends().result() == "passed"
    assert given(release) == [("publisher", "decline", "Bob"), ("publisher", "approve", "Ada")]


@KINDS
def test_decline_in_one_run_does_not_swallow_the_answer_in_the_next(runs, release, deployed):
    """An answer is taken by the run that it was given in, however many were given before in others."""
    for _ in range(2):
        run = runs.begin(asking(release, QUESTION), deployed=deployed)
        run.asks().answer(decision="decline", approver="Bob")
        assert run.resumed().ends().name == "Declined"
    run = runs.begin(asking(release, QUESTION), deployed=deployed)
    run.asks().answer(**YES)
    assert run.resumed().ends().result() == "passed"


@RETRIES
def test_retry_after_an_expiry_asks_anew(runs, release, deployed, force):
    """The retry of a run that nobody answered must neither pass without an answer nor wait for ever."""
    run = runs.begin(asking(release, QUESTION, timeout_seconds=1), deployed=deployed)
    run.asks()
    run.ends()
    state = run.is_over()
    assert state.is_failed()
    if not deployed:
        assert state.name == "Expired"
        assert "nobody answered 'Confirm PyPI Trusted Publisher settings'" in state.message
    release.settings = replace(release.settings, checkpoint_timeout=600)
    assert run.retry(force=force).asks().answer(**YES).status == "ACCEPT"
    assert run.resumed().ends().result() == "passed"


@KINDS
def test_cancelled_run_ends_and_its_retry_asks_anew(runs, release, deployed):
    run = runs.begin(asking(release, QUESTION), deployed=deployed)
    run.asks()
    runs.cancel(run)
    state = run.ends()
    assert run.state.is_cancelled()
    if not deployed:
        assert "the run became 'Cancelling' in Prefect while it waited for an answer" in state.message
    assert run.retry(force=True).asks().answer(**YES).status == "ACCEPT"
    assert run.resumed().ends().result() == "passed"


def test_run_that_a_reminder_expired_ends_as_expired(runs, release):
    run = runs.begin(asking(release, QUESTION))
    run.asks()
    runs.client.set_flow_run_state(run.id, Failed(name="Expired"), force=True)
    assert run.ends().name == "Expired"


@KINDS
def test_run_that_crashed_while_it_waited_asks_anew(runs, release, deployed):
    run = runs.begin(asking(release, QUESTION), deployed=deployed)
    run.asks()
    runs.client.set_flow_run_state(run.id, Crashed(), force=True)
    run.ends()
    assert run.retry(force=True).asks().answer(**YES).status == "ACCEPT"
    assert run.resumed().ends().result() == "passed"


@KINDS
def test_run_that_was_forced_to_running_asks_anew(runs, release, deployed):
    """Somebody changes the state by hand, or an automation does: that is no answer."""
    run = runs.begin(asking(release, QUESTION), deployed=deployed)
    run.asks()
    if deployed:
        run.ends()
        run.retry(force=True)
    else:
        runs.client.set_flow_run_state(run.id, Running(), force=True)
    assert run.asks().answer(**YES).status == "ACCEPT"
    assert run.resumed().ends().result() == "passed"


@KINDS
def test_pause_whose_form_was_never_stored_asks_anew(runs, release, deployed):
    """Killed between Prefect's pause and its form, the key is used up: Prefect would go on with an empty answer."""
    key = f"publisher-{QUESTION.fingerprint[:16]}-0"
    inner = asking(release, QUESTION)

    @flow(name="asks", persist_result=False)
    def killed_before():
        suspend_flow_run(key=key, timeout=60) if deployed else pause_flow_run(key=key, timeout=60, poll_interval=1)
        return inner.fn()

    run = runs.begin(killed_before, deployed=deployed)
    run.waits()
    assert runs.client.resume_flow_run(run.id).status == "ACCEPT"
    if deployed:
        run.ends()
        run.begin()
    assert run.asks().answer(**YES).status == "ACCEPT"
    assert run.resumed().ends().result() == "passed"
    assert given(release) == [("publisher", "approve", "Ada")]


@KINDS
@pytest.mark.parametrize("record_is_gone", [False, True], ids=["record kept", "record gone"])
def test_same_evidence_is_not_asked_again_after_a_failure(runs, release, deployed, record_is_gone):
    """The answer is in the record; without one, where Prefect keeps it."""
    inner, failures = asking(release, QUESTION), ["no network"]

    @flow(name="asks", persist_result=False)
    def fails_once():
        found = inner.fn()
        if failures:
            raise OSError(failures.pop())
        return found

    run = runs.begin(fails_once, deployed=deployed)
    run.asks().answer(**YES)
    assert run.resumed().ends().is_failed()
    if record_is_gone:
        record.save(release, replace(record.kept(release), approvals=()))
    assert run.retry(force=True).ends().result() == "passed"
    assert given(release) == [("publisher", "approve", "Ada")]


def test_same_evidence_is_not_asked_in_another_run(runs, release):
    run = runs.begin(asking(release, QUESTION))
    run.asks().answer(**YES)
    run.ends()
    assert runs.begin(asking(release, QUESTION)).ends().result() == "passed"
    assert len(given(release)) == 1


@KINDS
def test_changed_evidence_voids_the_answer_and_says_so(runs, release, deployed):
    run = runs.begin(asking(release, QUESTION), deployed=deployed)
    run.asks().answer(**YES)
    run.resumed().ends()
    waiting = runs.begin(asking(release, OTHER), deployed=deployed).asks()
    assert "Ada approved this at" in waiting.brief
    assert "for other evidence; that answer is void. Changed since: commit." in waiting.brief
    assert waiting.question.fingerprint == OTHER.fingerprint
    waiting.answer(decision="decline", approver="Ada")
    assert waiting.run.resumed().ends().name == "Declined"


def test_answer_to_an_older_question_of_the_same_run_does_not_count(runs, release):
    """The evidence changed while it waited: the retry asks about what is there now."""
    run = runs.begin(asking(release, QUESTION), deployed=True)
    run.asks().answer(**YES)
    run.ends()
    run.flow = asking(release, OTHER)
    waiting = run.begin().asks()
    assert waiting.question.fingerprint == OTHER.fingerprint
    assert given(release) == []
    waiting.answer(**YES)
    assert run.resumed().ends().result() == "passed"


@KINDS
def test_answer_of_somebody_who_may_not_does_not_count(runs, sandbox, release, deployed):
    allow(sandbox, release, "Ada", "Bob")
    run = runs.begin(asking(release, QUESTION), deployed=deployed)
    run.asks().answer(decision="approve", approver="Eve")
    waiting = run.resumed().asks()
    assert "The answer was given by 'Eve'" in waiting.brief
    assert "an approver of the release's own commit" in waiting.brief
    assert ": Ada, Bob" in waiting.brief
    waiting.answer(decision="approve", approver=" bob ")
    assert run.resumed().ends().result() == "passed"
    assert given(release) == [("publisher", "approve", " bob ")]


def test_approver_who_was_taken_off_the_list_counts_no_more(runs, sandbox, release):
    allow(sandbox, release, "Ada")
    run = runs.begin(asking(release, QUESTION))
    run.asks().answer(**YES)
    run.ends()
    allow(sandbox, release, "Bob")
    again = runs.begin(asking(release, QUESTION))
    again.asks().answer(decision="approve", approver="Bob")
    assert again.ends().result() == "passed"


def test_yes_of_the_request_is_recorded_as_such(runs, release):
    release.request = replace(release.request, approve_all=True)
    assert runs.begin(asking(release, QUESTION)).ends().result() == "passed"
    (approval,) = record.kept(release).approvals
    assert (approval.approver, approval.how) == ("Ada", "--yes")


def test_yes_of_the_request_is_none_where_approvers_are_named(runs, sandbox, release):
    """Also where who asks is one of them."""
    allow(sandbox, release, "Ada", "Bob")
    release.request = replace(release.request, approve_all=True)
    state = runs.begin(asking(release, QUESTION)).ends()
    assert state.name == "Declined"
    assert "answers by people, as the project's settings want them (approvers = Ada, Bob)" in state.message
    assert given(release) == []


def test_an_earlier_no_is_shown_and_counts_until_somebody_says_otherwise(runs, release):
    run = runs.begin(asking(release, QUESTION))
    run.asks().answer(decision="decline", approver="Bob", note="wrong workflow")
    run.ends()
    release.request = replace(release.request, approve_all=True)
    state = runs.begin(asking(release, QUESTION)).ends()
    assert state.name == "Declined"
    assert "Bob declined" in state.message
    release.request = replace(release.request, approve_all=False)
    again = runs.begin(asking(release, QUESTION))
    waiting = again.asks()
    assert "Bob declined exactly this at" in waiting.brief
    assert "wrong workflow" in waiting.brief
    waiting.answer(**YES)
    assert again.ends().result() == "passed"


def test_nobody_cannot_answer(runs, release):
    run = runs.begin(asking(release, QUESTION), deployed=True)
    waiting = run.asks()
    assert waiting.answer(decision="approve", approver="").status == "REJECT"
    waiting.answer(decision="approve", approver=" ")
    again = run.resumed().asks()
    assert "the answer carries no name" in again.brief
    again.answer(**YES)
    assert run.resumed().ends().result() == "passed"


def test_the_time_is_the_answers_own_and_not_the_resumes(runs, release):
    run = runs.begin(asking(release, QUESTION), deployed=True)
    run.asks().answer(**YES)
    (answered,) = [one for one in runs.client.filter_flow_run_input(run.id, "", 200, set()) if "response" in one.key]
    until(lambda: datetime.now(UTC) - answered.created > timedelta(seconds=2), "another second")
    assert run.resumed().ends().result() == "passed"
    (approval,) = record.kept(release).approvals
    assert approval.time == record.in_words(answered.created)


def test_several_questions_are_asked_one_after_the_other(runs, release):
    tests = replace(QUESTION, checkpoint="tests", title="Complete test suite with --all flag")
    run = runs.begin(asking(release, tests, QUESTION), deployed=True)
    run.asks().answer(**YES, note="in the night build")
    waiting = run.resumed().asks()
    assert "Confirm PyPI" in waiting.brief
    waiting.answer(**YES)
    assert run.resumed().ends().result() == "passed"
    assert [one[0] for one in given(release)] == ["tests", "publisher"]
    evidence = record.kept(release).tests
    assert (evidence.how, evidence.by, evidence.source) == ("evidence", "Ada", "in the night build")


def test_question_that_is_none_asks_nobody(runs, release):
    assert runs.begin(asking(release, None)).ends().result() == "passed"


def test_tests_without_evidence_are_asked_about_again(runs, release):
    tests = replace(QUESTION, checkpoint="tests", title="Complete test suite with --all flag")
    run = runs.begin(asking(release, tests), deployed=True)
    run.asks().answer(**YES, note=" ")
    waiting = run.resumed().asks()
    assert "the answer does not say where the tests ran" in waiting.brief
    assert given(release) == []
    waiting.answer(**YES, note="https://ci.example.org/7")
    assert run.resumed().ends().result() == "passed"
    assert record.kept(release).tests.source == "https://ci.example.org/7"


def test_yes_of_the_request_takes_its_evidence_with_it(runs, release):
    tests = replace(QUESTION, checkpoint="tests")
    release.request = replace(release.request, approve_all=True)
    assert "where the tests ran" in runs.begin(asking(release, tests)).ends().message
    release.request = replace(release.request, tested="the night build")
    assert runs.begin(asking(release, tests)).ends().result() == "passed"
    assert (record.kept(release).tests.source, record.kept(release).tests.by) == ("the night build", "Ada")
