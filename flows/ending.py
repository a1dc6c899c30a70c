"""How a run of the flow ends: a named state with the report in it."""

from __future__ import annotations

import contextlib
import logging

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from flows.turns import come_back, comes_back
from lockgate.claims import BusyError
from lockgate.errors import (
    AbortedError,
    CancelledError,
    CheckpointError,
    DeclinedError,
    EvidenceChangedError,
    ExpiredError,
    LockgateError,
    Problem,
    SettingsError,
    TransientError,
)
from lockgate.fixture import Fixture
from lockgate.outcome import Report, exit_code, refusals_of
from lockgate.plan import Plan
from lockgate.request import Request
from lockgate.steps import START, STEPS
from lockgate.texts import block
from planning import attempts, record
from planning.release import Release
from planning.undoing import what_stays
from tasks.ends import Started

log = logging.getLogger(__name__)

MESSAGE_LIMIT = 10_000

NAMES: tuple[tuple[type[Exception], str], ...] = (
    (DeclinedError, "Declined"),
    (AbortedError, "Aborted"),
    (CancelledError, "Cancelled"),
    (ExpiredError, "Expired"),
    (EvidenceChangedError, "Evidence changed"),
    (SettingsError, "Misconfigured"),
    (TransientError, "Unavailable"),
    (BusyError, "Busy"),
    (LockgateError, "Refused"),
)


class Trail:
    """What a run knows of its release so far, also when it ends early."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.release: Release | None = None
        self.plan: Plan | None = None

    def open(self, started: Started) -> None:
        """Note the opened release and its plan; again after the back edge."""
        self.release, self.plan = started.release, started.plan

    @property
    def fixture(self) -> Fixture | None:
        """The live record, once there is one."""
        return record.find_kept(self.release) if self.release else None

    @property
    def tag_is_out(self) -> bool:
        """Whether the point of no return was passed."""
        return self.fixture is not None and self.fixture.tagged

    def end(self, error: Exception) -> None:
        """Note how this run's work on the release ended, so that the next start knows; not where the store does not answer."""
        this = self.release
        if this is None or self.request.dry_run:
            return
        with contextlib.suppress(LockgateError):
            attempts.end(this.store, this.slug, str(this.version), this.run.id, name_of(error).lower())

    def reached(self) -> str:
        """The key of the step that the run is at."""
        known = list(self.release.outcomes.values()) if self.release else []
        return known[-1].key if known else START.key


def released(trail: Trail, is_out: bool) -> State[Report]:
    """The state of a run that did all that was asked for."""
    report = make_report(trail, None)
    if not is_out:
        return Completed(name="Planned", message="nothing was changed", data=report)
    return Completed(
        name="Released", message=f"{trail.release.label if trail.release else ''} is on the index", data=report
    )


def stopped(trail: Trail, error: Exception) -> State[Report]:
    """The state of a run that an error ended, named after it; an error that Lockgate does not know is told as one."""
    if isinstance(error, BusyError) and comes_back(trail.request):
        come_back(error)
    if not isinstance(error, LockgateError):
        log.error("An error that Lockgate does not know", exc_info=error)
        error = unknown(error)
    error = with_what_stays(trail, error)
    trail.end(error)
    stopped_after_tag = trail.tag_is_out and not isinstance(error, AbortedError)
    name = "Stopped" if stopped_after_tag else name_of(error)
    kind = Cancelled if isinstance(error, CancelledError | AbortedError) else Failed
    return kind(name=name, message=block(str(error), MESSAGE_LIMIT), data=make_report(trail, error))


def name_of(error: Exception) -> str:
    """The name of the state that a run ends in with this error, before the tag."""
    return next((name for kind, name in NAMES if isinstance(error, kind)), "Refused")


def with_what_stays(trail: Trail, error: LockgateError) -> LockgateError:
    """The error of a checkpoint with one problem more: what the release left where, and the commands to go on or take it back."""
    if trail.release is None or not isinstance(error, CheckpointError) or isinstance(error, AbortedError):
        return error
    left = what_stays(trail.release)
    return error if left is None else type(error)(*error.problems, left)


def unknown(error: BaseException) -> LockgateError:
    """The words for an error that is none of Lockgate's."""
    return LockgateError(
        Problem(
            f"{type(error).__name__}: {error}",
            "no error but those that Lockgate knows",
            "see the run's log for where it happened; report it; the same command goes on from where the release is",
        )
    )


def make_report(trail: Trail, error: BaseException | None) -> Report:
    """The report of a run as far as it came."""
    release, fixture = trail.release, trail.fixture
    outcomes = release.outcomes if release else {}
    return Report(
        exit_code=int(exit_code(error, tag_is_out=trail.tag_is_out)),
        project=release.settings.project if release else "",
        version=str(release.version) if release else trail.request.version,
        tag=release.tag if release else "",
        commit=fixture.release_commit if fixture else "",
        steps=tuple(outcomes[one.key] for one in STEPS if one.key in outcomes),
        artifacts=fixture.artifacts if fixture else (),
        refusals=refusals_of(error, trail.reached()),
        urls=dict(fixture.urls) if fixture else {},
        fixture=str(release.workspace / release.fixture_path) if release else "",
        plan=trail.plan,
        tag_is_out=trail.tag_is_out,
    )
