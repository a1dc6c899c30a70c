"""A publish run that failed: the release asks whether to run its failed jobs again."""

from __future__ import annotations

from flows.checkpoints import approve
from lockgate.outcome import StepResult
from lockgate.runs import RunFailedError
from planning import asking
from planning.release import Release
from tasks.actions import wait_for_publish


def wait_or_rerun(release: Release, tag: StepResult) -> StepResult:
    """Step 9, again after every approved re-run of the failed jobs.

    A release of a schedule asks too: its tag is out, and it waits as at any checkpoint. One that answers everything with yes,
    or whose run has no failed job to run again, ends with the run's failure.
    """
    rerun = False
    while True:
        try:
            return wait_for_publish(release, rerun=rerun, wait_for=[tag])
        except RunFailedError as failure:
            if release.request.approve_all or not failure.failed:
                raise
            approve(release, asking.about_rerun(release, failure))
            rerun = True
