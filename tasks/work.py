"""A step at work: origin and fixture as they are now, the notes that every step takes, polling, and the fixture's commits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

from clients import git, git_remote, git_workspace
from lockgate.checkouts import release_message
from lockgate.errors import NotVisibleError, Problem, RefusedError, UnavailableError
from lockgate.fixture import Fixture, to_json
from lockgate.outcome import StepOutcome, StepResult, Word, brief, word_for
from lockgate.repository import Origin
from lockgate.steps import step
from planning import record
from planning.release import Release
from planning.survey import look_at_origin
from tasks.showing import show

log = logging.getLogger(__name__)

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
        """Whether origin's release branch contains the release commit."""
        commit = self.fixture.release_commit
        return bool(commit) and git.is_ancestor(self.release.workspace, commit, self.head)

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
        work.fixture = work.fixture.ended(key, record.now())
    except BaseException as error:
        _note(release, key, word_for(error), started, brief(error))
        raise
    _note(release, key, result.outcome, started, result.evidence)
    show(release, key, f"**{result.outcome}**: {result.evidence}\n\n{result.details}")
    return result


def _note(release: Release, key: str, word: Word, started: float, evidence: str) -> None:
    seconds = round(time.monotonic() - started, 2)
    outcome = StepOutcome(key, step(key).title, word, seconds, evidence)
    release.outcomes[key] = outcome
    log.info("%s: %s (%s)", outcome.title, evidence, word, extra={"outcome": outcome})


def polls(deadline_seconds: float) -> Iterator[float]:
    """Yield the seconds waited so far, at once and then at growing intervals, until the deadline has passed."""
    started = time.monotonic()
    pause = FIRST_POLL_SECONDS
    while (waited := time.monotonic() - started) < deadline_seconds:
        yield waited
        time.sleep(min(pause, max(0.0, deadline_seconds - (time.monotonic() - started))))
        pause = min(pause * POLL_GROWTH, LONGEST_POLL_SECONDS)


def commit_fixture(work: Work, subject: str) -> bool:
    """The move that publishes the fixture: commit it on top of origin's branch and push; True when there was anything to do.

    Raises UnavailableError when somebody else pushed in between (the next attempt commits on top of theirs), and
    NotVisibleError when origin does not show the commit yet.
    """
    release, text = work.release, to_json(work.fixture)
    if record.read_committed(release, work.origin) == text:
        return False
    git_workspace.start_from(release.workspace, release.settings.branch, work.head)
    write_fixture(work)
    message = release_message(subject, release.settings.project, str(release.version))
    commit = git.commit_files(release.workspace, [release.fixture_path], message)
    push(work, commit)
    work.look_again()
    if record.read_committed(release, work.origin) != text:
        raise NotVisibleError(
            Problem(
                "origin does not show the fixture that was pushed", f"commit {commit[:12]}", "look again in a moment"
            )
        )
    return True


def write_fixture(work: Work) -> None:
    """Write the fixture into the workspace."""
    path = work.release.workspace / work.release.fixture_path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_json(work.fixture), encoding="utf-8")


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
