"""The release, from top to bottom: the documented chart as a flow.

Run it with `python -m flows.release_flow REPOSITORY [VERSION]`, with `lockgate release`, or as a deployment. It has no
flow-level retries on purpose: they would answer checkpoints with nothing (see `flows.checkpoints`).
"""

from __future__ import annotations

import sys

from prefect import flow
from prefect.client.schemas.objects import State

from clients.process import hide_memory
from flows.checkpoints import approve
from flows.conflicts import check_version_or_ask, start
from flows.ending import Trail, released, stopped
from flows.failed_runs import wait_or_rerun
from flows.run_log import show_logs
from flows.run_page import show_summary
from flows.turns import turn
from lockgate.outcome import Report
from lockgate.request import Request
from planning.opening import check_request
from tasks.actions import capture_logs
from tasks.dist import build_release, complete_tests
from tasks.ends import finish_release
from tasks.git import execute_pre_release, review_migrations
from tasks.github import export_and_tag, verify_environment
from tasks.pypi import confirm_publisher, record_publication


@flow(name="release", flow_run_name="release {request.label}", retries=0, persist_result=False)
def release(request: Request) -> State[Report]:
    """Take one version of a package from source control to the package index.

    Ends in a named state that holds the report: Released, Planned (a dry run), Refused, Declined, Aborted, Expired, Unavailable,
    or Stopped after the point of no return. Started again with the same request it goes on where it was, or begins
    anew (`lockgate.continuation`). While another release of the repository has the turn it is put off (Waiting for its turn) or
    ends (Busy), as the request says.
    """
    hide_memory()
    show_logs()
    trail = Trail(request)
    try:
        check_request(request)
        with turn(request):
            state = released(trail, run_steps(request, trail))
    except Exception as error:  # noqa: BLE001 - every end of a release is reported, and named by what ended it
        state = stopped(trail, error)
    show_summary(trail)
    return state


def run_steps(request: Request, trail: Trail) -> bool:
    """The steps and checkpoints in the documented order; False when the plan was all that was asked for."""
    started = start(trail)
    if request.dry_run:
        started.plan.refuse()
        return False

    this, version = check_version_or_ask(started, trail)

    migrations = review_migrations(this, wait_for=[version])
    approve(this, migrations.question)

    commit = execute_pre_release(this, wait_for=[migrations])
    artifacts = build_release(this, wait_for=[commit])

    tests = complete_tests(this, wait_for=[artifacts])
    approve(this, tests.question)

    publisher = confirm_publisher(this, wait_for=[tests])
    approve(this, publisher.question)

    environment = verify_environment(this, wait_for=[publisher])
    approve(this, environment.question)

    tag = export_and_tag(this, wait_for=[environment])
    run = wait_or_rerun(this, tag)
    publication = record_publication(this, wait_for=[run])
    logs = capture_logs(this, wait_for=[publication])
    finish_release(this, wait_for=[logs])
    return True


if __name__ == "__main__":
    release(Request(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
