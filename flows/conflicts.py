"""The documented back edge: a dirty tree or a version conflict does not end an attended release, it asks."""

from __future__ import annotations

from dataclasses import replace

from flows.checkpoints import way_out
from flows.ending import Trail
from lockgate.errors import RefusedError
from lockgate.outcome import StepResult
from planning.release import Release
from tasks.ends import Started, start_release
from tasks.git import check_version


def check_version_or_ask(started: Started, trail: Trail) -> tuple[Release, StepResult]:
    """Step 1, again and again until the version can be released; the release as it was settled, and the step's result.

    What only other steps refuse ends the release here, before anything changed, with every problem at once. A conflict of
    step 1 pauses an attended release with a choice: retry, another version, abort.
    """
    attempt = 0
    while True:
        attended = not (started.release.request.unattended or started.release.request.approve_all)
        if not attended or any(key != "version" for key, _ in started.plan.problems):
            started.plan.refuse()
        try:
            return started.release, check_version(started.release, wait_for=[started])
        except RefusedError as conflict:
            if not attended:
                raise
            version = way_out(started.release, conflict, attempt)
        attempt += 1
        started = start_release(replace(started.release.request, version=version))
        trail.open(started)
