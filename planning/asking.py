"""The questions of a release's checkpoints, from what is there now; and the ones that no valid approval answers."""

from __future__ import annotations

from collections.abc import Callable

from lockgate import questions, workflows
from lockgate.approvals import Question
from lockgate.approvers import Rules, counted, judge
from lockgate.artifacts import Artifact
from lockgate.errors import Problem
from lockgate.fixture import Fixture
from lockgate.origins import place_of, repository_place
from lockgate.plan import Finding
from lockgate.questions import Subject
from lockgate.repository import Origin
from lockgate.runs import RunFailedError
from lockgate.settings import CHECKPOINTS
from planning import checks, record, survey
from planning.approving import rules_of
from planning.release import Release
from planning.ruling import read_stated, rule

Changed = Callable[[], str]


def about_migrations(release: Release, origin: Origin, described: str = "") -> Question | None:
    """Step 2's question; None when nothing is asked. `described` is Markdown: what changed."""
    _, commit = checks.migration_changes(release, origin)
    if not checks.review_migrations(release, origin).asks:
        return None
    last = _may_be_last(release, "migrations")
    return questions.ask_about_migrations(subject_of(release, commit), described, last=last)


def about_tests(release: Release, origin: Origin, fixture: Fixture, changed: Changed = str) -> Question | None:
    """Step 5's question; None where a command or GitHub's checks are the evidence. `changed` tells what changed, in Markdown."""
    if not checks.tests(release, origin).asks:
        return None
    subject = subject_of(release, fixture.release_commit, fixture.artifacts)
    last = _may_be_last(release, "tests")
    return questions.ask_for_tests(subject, changed(), release.request.tested, last=last)


def about_publisher(release: Release, origin: Origin, fixture: Fixture, finding: Finding) -> Question:
    """Step 6's question, also what it shows where nothing is asked; `finding` is what the step's check came to."""
    workflow, _, commit = checks.find_workflow(release, origin)
    claims = workflows.claims_for(workflow, repository=release.slug, tag=release.tag)
    known = survey.previous_publisher(release, survey.look_at_index(release))
    last = _may_be_last(release, "publisher")
    subject = subject_of(release, commit, fixture.artifacts)
    return questions.ask_about_publisher(subject, claims, known, finding.warnings, last=last)


def about_publishing(release: Release, origin: Origin, fixture: Fixture, changed: Changed = str) -> Question | None:
    """The last question before the point of no return; None when nothing is asked. `changed` tells what changed, in Markdown."""
    if not checks.export(release, origin).asks:
        return None
    subject = subject_of(release, fixture.release_commit, fixture.artifacts)
    return questions.ask_to_publish(subject, release.tag, changed())


def about_rerun(release: Release, failure: RunFailedError) -> Question:
    """Step 9's question, after the publish run failed."""
    fixture = record.kept(release)
    return questions.ask_to_rerun(subject_of(release, fixture.release_commit, fixture.artifacts), failure)


def subject_of(release: Release, commit: str, artifacts: tuple[Artifact, ...] = ()) -> Subject:
    """What an answer is bound to: this project, repository and index, this commit with the rules that it states, these bytes."""
    return Subject(
        release.settings.project, str(release.version), repository_place(release.slug, release.environ),
        place_of(release.index_url), commit, read_stated(release, commit, commit).digest, artifacts,
        rule(release).loosened,
    )  # fmt: skip


def unapproved(release: Release, origin: Origin, fixture: Fixture, publisher: Finding) -> tuple[Problem, ...]:
    """The questions that are asked now and are not answered by enough valid approvals of exactly this evidence.

    Signatures and approvers are judged by the rules in force at this moment.
    """
    asked = (
        about_migrations(release, origin),
        about_tests(release, origin, fixture),
        about_publisher(release, origin, fixture, publisher) if publisher.asks else None,
        about_publishing(release, origin, fixture),
    )
    problems = []
    for question in filter(None, asked):
        tally = judge(question, fixture.approvals, rules_of(release, question.checkpoint, origin))
        problems += [_unanswered(question, len(counted(tally.approvals, one)), one) for one in tally.lacking]
    return tuple(problems)


def _may_be_last(release: Release, checkpoint: str) -> bool:
    """Whether the tag may follow this checkpoint without another one: none that comes later always asks."""
    order, policies = list(CHECKPOINTS), release.settings.checkpoints
    return not rule(release).loosened and "always" not in {
        policies[later] for later in order[order.index(checkpoint) + 1 :]
    }


def _unanswered(question: Question, count: int, rules: Rules) -> Problem:
    return Problem(
        f"{question.title!r} has {count} valid approvals of what is there now (fingerprint {question.fingerprint[:12]})",
        f"{rules.needed}, by people who may approve at this moment by the rules of {rules.stated_by}",
        "start the release again: it asks anew",
    )
