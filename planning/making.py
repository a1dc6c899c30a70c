"""Making the plan: every step's check, side by side, all problems at once, nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from lockgate.errors import LockgateError, TransientError
from lockgate.plan import Finding, Plan
from lockgate.repository import Origin
from lockgate.settings import describe_settings
from planning import checks, continuing, ruling, survey
from planning.release import Release

Check = Callable[[Release, Origin], Finding]
CHECKS: dict[str, Check] = {
    "version": checks.version,
    "migrations": checks.review_migrations,
    "pre-release": checks.pre_release,
    "artifacts": checks.artifacts,
    "tests": checks.tests,
    "publisher": checks.publisher,
    "environment": checks.release_environment,
    "export": checks.export,
    "wait": checks.wait,
    "record": checks.record,
    "logs": checks.logs,
}


def make_plan(release: Release) -> Plan:
    """Look at everything that can be looked at before the first change; refusals are findings, not exceptions.

    Raises UnavailableError only when origin itself does not answer: without it there is nothing to plan.
    """
    origin = survey.look_at_origin(release)
    release.course = continuing.decide(release, origin)
    if not release.course.anew:
        ruling.hold(release, origin)
    fixture = survey.find_fixture(release, origin)
    with ThreadPoolExecutor(max_workers=len(CHECKS)) as pool:
        findings = tuple(pool.map(lambda item: _find(item[0], item[1], release, origin), CHECKS.items()))
    before = survey.previous(release, origin)
    return Plan(
        project=release.settings.project,
        version=str(release.version),
        previous=before[0] if before else "",
        tag=release.tag,
        repository=release.slug,
        branch=release.settings.branch,
        commit=origin.heads[release.settings.branch],
        settings=tuple(describe_settings(release.settings)),
        findings=_once(findings),
        continues=fixture is not None,
        anew=release.course.why if release.course.anew else "",
        older=release.course.why if release.course.chosen else "",
        release_commit=continuing.made_commit(release, fixture),
        left_out=continuing.left_out(release, origin, fixture),
    )


def _find(key: str, check: Check, release: Release, origin: Origin) -> Finding:
    try:
        return check(release, origin)
    except TransientError as error:
        return Finding(key, "could not be looked at", error=error)
    except LockgateError as error:
        return Finding(key, "refuses", error.problems)


def _once(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings without a problem or a warning that an earlier step reports in the same words."""
    seen: set[object] = set()
    kept = []
    for finding in findings:
        fresh = tuple(problem for problem in finding.problems if problem not in seen)
        warnings = tuple(one for one in finding.warnings if one not in seen)
        seen.update((*fresh, *warnings))
        kept.append(replace(finding, problems=fresh, warnings=warnings))
    return tuple(kept)
