"""The two ends of the chart: the plan at the start, and the given checkout that follows at the finish."""

from __future__ import annotations

import logging

from prefect import task

from clients import git, git_remote
from clients.own_files import for_others_too
from lockgate.continuation import ThisRun
from lockgate.errors import LockgateError
from lockgate.outcome import StepResult
from lockgate.plan import Plan, markdown
from lockgate.request import Request
from planning import attempts, making, record, survey
from planning.opening import open_release
from planning.release import Release
from tasks import showing
from tasks.credentials import WorkerEnvironment
from tasks.policy import policy
from tasks.work import Work, carry_out

log = logging.getLogger(__name__)


class Started:
    """The opened release and its plan. A plain class, into which Prefect does not look for edges."""

    __slots__ = ("plan", "release")

    def __init__(self, release: Release, plan: Plan) -> None:
        self.release = release
        self.plan = plan


@task(**policy("start"))
def start_release(request: Request, run: ThisRun) -> Started:
    """Box A: open the release for this run and make its plan; nothing is changed.

    Raises SettingsError for what cannot be released, UnavailableError when the outside does not answer.
    """
    release = open_release(request, WorkerEnvironment(), run)
    plan = making.make_plan(release)
    showing.show(release, "plan", markdown(plan))
    plan.reach()
    if plan.course:
        log.info("%s: %s", release.label, plan.course)
    log.info("Plan for %s: %d problems in the way", release.label, len(plan.problems))
    return Started(release, plan)


@task(**policy("finish"))
def finish_release(release: Release) -> StepResult:
    """Box L: let the given checkout follow origin, and say that the release is complete."""
    return carry_out(release, "finish", _finish)


def _finish(work: Work) -> StepResult:
    followed = follow(work)
    release = work.release
    record.finish(release)
    attempts.end(release.store, release.slug, str(release.version), release.run.id, attempts.RELEASED)
    return StepResult("done", f"{work.release.label} is released{followed}")


def follow(work: Work) -> str:
    """The move that fast-forwards the given checkout when it is clean and on the release branch; says what it did.

    What keeps it from doing so is no failure of the release: it is logged and said.
    """
    release, left = work.release, f"; {work.release.given} was left as it is: run `git pull` there"
    given = survey.look_at_given(release, work.origin)
    if given is None or release.given is None or given.checkout.head == work.head:
        return ""
    if given.checkout.branch != release.settings.branch or given.checkout.dirty:
        return left
    try:
        with for_others_too():
            git_remote.fetch(release.given, release.origin_url, release.origin_token, release.settings.branch)
            git.fast_forward(release.given, work.head)
    except LockgateError as error:
        log.warning("%s was not fast-forwarded: %s", release.given, error)
        return left
    return f"; {release.given} follows at {work.head[:12]}"
