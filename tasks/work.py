"""A step at work: origin and fixture as they are now, the notes that every step takes, polling, and the fixture's commits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from clients import git, git_remote, git_workspace, inside
from lockgate.checkouts import release_message
from lockgate.errors import (
    DeadlineError,
    NotVisibleError,
    Problem,
    RateLimitedError,
    RefusedError,
    TransientError,
    UnavailableError,
)
from lockgate.fixture import Fixture, to_json
from lockgate.markdown import prose
from lockgate.masking import mask_secrets
from lockgate.outcome import StepOutcome, StepResult, Word, brief, word_for
from lockgate.repository import Origin
from lockgate.steps import step
from planning import continuing, record
from planning.proofs import sign
from planning.release import Release
from planning.ruling import hold
from planning.survey import look_at_origin
from tasks.policy import LONGEST_WAIT_SECONDS
from tasks.showing import show

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_POLL_SECONDS = 0.1
LONGEST_POLL_SECONDS = 15.0
POLL_GROWTH = 1.4


class Work:
    """What a step holds while it works: the release, origin as it is now, and the fixture, saved whenever it is set."""

    def __init__(self, release: Release, key: str) -> None:
        self.release = release
        self.key = key
        self.origin: Origin = look_at_origin(release)
        self._fixture = record.load(release, self.origin)
        if record.find_kept(release) != self._fixture:
            record.save(release, self._fixture)
        hold(release, self.origin)
        if step(key).number:
            self.fixture = self._fixture.started(key, record.now())

    @property
    def fixture(self) -> Fixture:
        """The release fixture."""
        return self._fixture

    @fixture.setter
    def fixture(self, fixture: Fixture) -> None:
        if fixture != self._fixture:
            record.save(self.release, fixture)
        self._fixture = fixture

    @property
    def head(self) -> str:
        """The release branch on origin."""
        return self.origin.heads[self.release.settings.branch]

    def is_pushed(self) -> bool:
        """Whether origin's release branch contains the release commit; not when the commit is not even here."""
        commit, workspace = self.fixture.release_commit, self.release.workspace
        is_here = bool(commit) and git.resolve(workspace, commit) is not None
        return is_here and git.is_ancestor(workspace, commit, self.head)

    def look_again(self) -> None:
        """Observe origin anew."""
        self.origin = look_at_origin(self.release)


def carry_out(release: Release, key: str, body: Callable[[Work], StepResult]) -> StepResult:
    """Run a step's body: start and end go to the fixture, the outcome to the report, one line to the log."""
    started = time.monotonic()
    log.info("%s …", step(key).title, extra={"begins": key})
    try:
        work = Work(release, key)
        result = body(work)
        if result.question is not None:
            result.question = continuing.tell(release, work.origin, work.fixture, result.question)
        work.fixture = work.fixture.ended(key, record.now())
    except RateLimitedError as error:
        _note(release, key, word_for(error), started, brief(error))
        _keep_to(error)
        raise
    except BaseException as error:
        # Prefect stores what an error says.
        error.args = tuple(mask_secrets(one) if isinstance(one, str) else one for one in error.args)
        _note(release, key, word_for(error), started, brief(error))
        raise
    _note(release, key, result.outcome, started, result.evidence)
    said = prose(result.evidence, hosts=release.hosts)
    show(release, key, f"**{result.outcome}**: {said}\n\n{result.details}")
    return result


def _keep_to(error: RateLimitedError) -> None:
    """Wait as long as the outside asked, before Prefect tries again; a longer wait than a person would accept is not kept."""
    if error.wait_seconds <= LONGEST_WAIT_SECONDS:
        log.warning("Waiting %.0f s, as asked", error.wait_seconds)
        time.sleep(error.wait_seconds)


def _note(release: Release, key: str, word: Word, started: float, evidence: str) -> None:
    seconds = round(time.monotonic() - started, 2)
    outcome = StepOutcome(key, step(key).title, word, seconds, evidence)
    release.outcomes[key] = outcome
    log.info("%s: %s (%s)", outcome.title, evidence, word, extra={"outcome": outcome})


def poll(deadline_seconds: float, look: Callable[[float], T | None]) -> T | None:
    """Look at once and then at growing intervals until there is something; None when the deadline passed without it.

    `look` is given the seconds waited so far. An outage in between is waited out, and a wait that was asked for is kept to;
    an outage that lasts until the deadline is raised as a DeadlineError.
    """
    started, pause = time.monotonic(), FIRST_POLL_SECONDS
    last: TransientError | None = None
    while (waited := time.monotonic() - started) < deadline_seconds:
        asked = 0.0
        try:
            found, last = look(waited), None
        except TransientError as error:
            found, last = None, error
            asked = error.wait_seconds if isinstance(error, RateLimitedError) else 0.0
            log.warning("%s", error)
        if found is not None:
            return found
        time.sleep(min(max(pause, asked), max(0.0, deadline_seconds - (time.monotonic() - started))))
        pause = min(pause * POLL_GROWTH, LONGEST_POLL_SECONDS)
    if last is not None:
        raise DeadlineError(*last.problems) from last
    return None


def commit_fixture(work: Work, subject: str, *, is_done: Callable[[Fixture], bool]) -> bool:
    """The move that publishes the fixture: commit it on top of origin's branch and push; True when there was anything to do.

    `is_done` says of the fixture on origin whether it holds already what this commit is for. Raises UnavailableError when
    somebody else pushed in between (the next attempt commits on top of theirs), and NotVisibleError when origin does not
    show the commit yet.
    """
    release = work.release
    if _committed(work, is_done):
        return False
    git_workspace.start_from(release.workspace, release.settings.branch, work.head)
    write_fixture(work)
    message = release_message(subject, release.settings.project, str(release.version))
    commit = git.commit_files(release.workspace, [release.fixture_path], message)
    push(work, commit)
    work.look_again()
    if not _committed(work, is_done):
        problem = Problem("origin does not show the pushed fixture", f"commit {commit[:12]}", "look again in a moment")
        raise NotVisibleError(problem)
    return True


def _committed(work: Work, is_done: Callable[[Fixture], bool]) -> bool:
    found = record.find_committed(work.release, work.origin)
    return found is not None and is_done(found)


def write_fixture(work: Work, tree: str = "") -> None:
    """Write the fixture into the workspace, signed; `tree` is what the release commit holds beside it."""
    release = work.release
    proof = sign(release, work.fixture, record.now(), tree)
    inside.write_file(release.workspace, release.fixture_path, to_json(work.fixture, proof).encode())


def push(work: Work, commit: str) -> None:
    """Push a commit that lies on top of what was seen of origin; a main that moved meanwhile is transient, all else as it is."""
    release, seen = work.release, work.head
    try:
        git_remote.push_branch(
            release.workspace, release.origin_url, release.origin_token, commit, release.settings.branch, expected=seen
        )
    except RefusedError:
        work.look_again()
        if work.head == seen:
            raise
        problem = Problem(
            f"origin's {release.settings.branch!r} moved from {seen[:12]} to {work.head[:12]} while it was pushed to",
            "to commit on top of it", "nothing: the next attempt does",
        )  # fmt: skip
        raise UnavailableError(problem) from None
