"""The questions of a release's checkpoints, from what is there now; and the ones that no valid approval answers."""

from __future__ import annotations

from collections.abc import Callable

from lockgate import questions, workflows
from lockgate.approvals import Question
from lockgate.approvers import standing
from lockgate.errors import Problem
from lockgate.fixture import Fixture
from lockgate.plan import Finding
from lockgate.repository import Origin
from lockgate.settings import CHECKPOINTS
from planning import checks, survey
from planning.approving import rules_of, signature_fault
from planning.release import Release

Changed = Callable[[], str]


def about_migrations(release: Release, origin: Origin, described: str = "") -> Question | None:
    """Step 2's question; None when nothing is asked. `described` is Markdown: what changed."""
    _, commit = checks.migration_changes(release, origin)
    if not checks.review_migrations(release, origin).asks:
        return None
    last = _may_be_last(release, "migrations")
    return questions.ask_about_migrations(str(release.version), commit, described, last=last)


def about_tests(release: Release, origin: Origin, fixture: Fixture, changed: Changed = str) -> Question | None:
    """Step 5's question; None where a command or GitHub's checks are the evidence. `changed` tells what changed, in Markdown."""
    if not checks.tests(release, origin).asks:
        return None
    version, commit, tested = str(release.version), fixture.release_commit, release.request.tested
    last = _may_be_last(release, "tests")
    return questions.ask_for_tests(version, commit, fixture.artifacts, changed(), tested, last=last)


def about_publisher(release: Release, origin: Origin, finding: Finding) -> Question:
    """Step 6's question, also what it shows where nothing is asked; `finding` is what the step's check came to."""
    workflow, _, commit = checks.find_workflow(release, origin)
    claims = workflows.claims_for(workflow, repository=release.slug, tag=release.tag)
    known = survey.previous_publisher(release, survey.look_at_index(release))
    last = _may_be_last(release, "publisher")
    return questions.ask_about_publisher(str(release.version), commit, claims, known, finding.warnings, last=last)


def about_publishing(release: Release, origin: Origin, fixture: Fixture, changed: Changed = str) -> Question | None:
    """The last question before the point of no return; None when nothing is asked. `changed` tells what changed, in Markdown."""
    if not checks.export(release, origin).asks:
        return None
    commit, artifacts = fixture.release_commit, fixture.artifacts
    return questions.ask_to_publish(str(release.version), release.tag, commit, artifacts, changed())


def unapproved(release: Release, origin: Origin, fixture: Fixture, publisher: Finding) -> tuple[Problem, ...]:
    """The questions that are asked now and are not answered by enough valid approvals of exactly this evidence.

    Signatures and approvers are judged by what the release branch says at this moment.
    """
    asked = (
        about_migrations(release, origin),
        about_tests(release, origin, fixture),
        about_publisher(release, origin, publisher) if publisher.asks else None,
        about_publishing(release, origin, fixture),
    )
    fault = signature_fault(release)
    problems = []
    for question in filter(None, asked):
        rules = rules_of(release, question.checkpoint)
        count = len(standing(question, fixture.approvals, rules, fault))
        if count < rules.needed:
            problems.append(_unanswered(question, count, rules.needed))
    return tuple(problems)


def _may_be_last(release: Release, checkpoint: str) -> bool:
    """Whether the tag may follow this checkpoint without another one: none that comes later always asks."""
    order, policies = list(CHECKPOINTS), release.settings.checkpoints
    return "always" not in {policies[later] for later in order[order.index(checkpoint) + 1 :]}


def _unanswered(question: Question, count: int, needed: int) -> Problem:
    return Problem(
        f"{question.title!r} has {count} valid approvals of what is there now (fingerprint {question.fingerprint[:12]})",
        f"{needed}, by people who may approve at this moment",
        "start the release again: it asks anew",
    )
