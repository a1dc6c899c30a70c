"""The documented back edge: a dirty tree or a version conflict does not end an attended release, it asks."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Literal

from prefect.input import RunInput
from pydantic import Field

from flows.ended_runs import note_ends, this_run
from flows.ending import Trail
from flows.giving_up import give_up
from flows.pauses import Asked, ask, spend, unspent
from flows.run_page import name_run
from lockgate.approvals import Approval, fingerprint_of
from lockgate.continuation import RequestRefusedError
from lockgate.errors import Problem, RefusedError, SettingsError
from lockgate.fixture import is_complete
from lockgate.markdown import code, prose
from lockgate.outcome import StepResult
from lockgate.plan import Plan
from lockgate.request import Request
from lockgate.versions import is_word, parse_version
from planning import record
from planning.release import Release
from tasks.ends import Started, start_release
from tasks.git import check_version, commit_release_files, edited_release_files

NAME = "conflict-"
ANOTHER = "another version"
COMMIT = "commit"
NAMELESS = "the answer carries no name: say who decides"


class WayOut(RunInput):
    """How to go on after a conflict at step 1."""

    decision: Literal["retry", "another version", "commit", "abort"] = Field(
        title="Decision",
        description="Retry after you put it right; take another version; commit the edited release files; or abort.",
    )
    approver: str = Field(title="Your name", description="Recorded with the decision.", min_length=1)
    version: str = Field(
        default="",
        title="Another version",
        description="Only for `another version`: which one, or patch, minor, major.",
    )


def start(trail: Trail) -> Started:
    """Box A: open the release, of the version that a person chose in this run if one did, and make its plan."""
    note_ends(trail.request)
    started = start_release(_as_chosen(trail.request), this_run())
    trail.open(started)
    name_run(started.release)
    return started


def check_version_or_ask(started: Started, trail: Trail) -> tuple[Release, StepResult]:
    """Step 1, again and again until the version can be released; the release as it was settled, and the step's result.

    What only other steps refuse ends the release here, before anything changed, with every problem at once. A conflict of
    step 1 pauses an attended release with a choice: retry, another version, commit, abort (which raises the conflict).
    """
    request = trail.request
    attended = not (request.unattended or request.approve_all)
    while True:
        if not attended or not _problems(started.plan, version=True):
            started.plan.refuse()
        try:
            checked = check_version(started.release, wait_for=[started])
        except RequestRefusedError:
            raise
        except RefusedError as conflict:
            if not attended:
                raise
            _ask_for_way_out(started, conflict)
        else:
            _keep_chosen(started.release)
            return started.release, checked
        started = start(trail)


def _ask_for_way_out(started: Started, conflict: RefusedError) -> None:
    """Returns when a person wants it to be looked at again; a chosen version stays with the run and is taken by `start`."""
    answer, key, time = ask(WayOut, _asked(started, conflict))
    if not answer.approver.strip():
        spend(key, NAMELESS)
        return
    _keep(started.release, str(conflict), answer, record.in_words(time))
    if answer.decision == "abort" and _has_begun(started.release):
        give_up(started.release, key, answer.approver, "")
    if answer.decision == COMMIT:
        commit_release_files(started.release)
    if answer.decision != ANOTHER:
        spend(key)
    if answer.decision == "abort":
        raise conflict


def _keep_chosen(release: Release) -> None:
    """Record in the release of the version that a person chose in this run who that was."""
    for chosen in unspent(NAME):
        if chosen.value["decision"] == ANOTHER:
            _keep(release, "in another version", WayOut.model_validate(chosen.value), record.in_words(chosen.time))


def _keep(release: Release, conflict: str, answer: WayOut, time: str) -> None:
    """Record who chose which way out of which conflict; once, however often the answer is read."""
    evidence = {"project": release.settings.project, "version": str(release.version), "conflict": conflict}
    choice = Approval(
        "conflict", answer.decision, answer.approver, answer.version.strip() if answer.decision == ANOTHER else "", time,
        fingerprint_of("conflict", evidence), "form", evidence=evidence,
    )  # fmt: skip
    known = record.kept(release)
    if choice not in known.approvals:
        record.save(release, known.approved(choice))


def _has_begun(release: Release) -> bool:
    """Whether an earlier start of this release made something that can be taken back."""
    known = record.find_kept(release)
    return known is not None and bool(known.release_commit) and not is_complete(known)


def _asked(started: Started, conflict: RefusedError) -> Asked:
    release, others = started.release, _problems(started.plan, version=False)
    said = f"{release.label}\n{conflict}"
    brief = f"## {prose(release.label)} cannot be released as it is\n\n{_list(conflict.problems)}\n\n"
    if others:
        brief += f"### What later steps refuse now\n\n{_list(others)}\n\n"
    edited = edited_release_files(release)
    commit = f"let {', '.join(map(code, edited))} be committed and pushed (commit), " if edited else ""
    brief += f"Put it right and retry, take another version, {commit}or abort. Nothing was published."
    return Asked(
        f"{NAME}{hashlib.sha256(said.encode()).hexdigest()[:16]}", "a conflict", brief,
        ("retry", ANOTHER, COMMIT, "abort"), ("approver", "version"), int(release.settings.checkpoint_timeout),
    )  # fmt: skip


def _problems(plan: Plan, *, version: bool) -> tuple[Problem, ...]:
    """What the plan found in step 1, or in all the other steps."""
    return tuple(problem for key, problem in plan.problems if (key == "version") == version)


def _list(problems: tuple[Problem, ...]) -> str:
    return "\n".join(
        f"- {prose(one.seen)}\n  - expected: {prose(one.expected)}\n  - next: {prose(one.next)}" for one in problems
    )


def _as_chosen(request: Request) -> Request:
    """The request with the version that a person chose last in this run; a choice that is no version is spent."""
    for answer in reversed(unspent(NAME)):
        if answer.value["decision"] != ANOTHER:
            continue
        version = str(answer.value["version"]).strip()
        if not str(answer.value["approver"]).strip():
            spend(answer.key, NAMELESS)
            continue
        try:
            if not is_word(version):
                parse_version(version)
        except SettingsError as unusable:
            spend(answer.key, str(unusable))
        else:
            return replace(request, version=version)
    return request
