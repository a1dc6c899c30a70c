"""Every error that Lockgate raises, and its words.

    LockgateError
    ├── TransientError          try again: the only branch that is retried
    │   ├── UnavailableError    the outside did not answer, or answered that it cannot now
    │   ├── RateLimitedError    the outside asks to wait
    │   └── NotVisibleError     done, but not to be seen yet
    │       └── DeadlineError   waited for as long as the settings say: the next start waits on, this one does not
    ├── RefusedError            the world contradicts the plan: a person decides
    ├── SettingsError           the request or the project's settings are wrong; all problems at once
    └── CheckpointError         nobody said yes
        ├── DeclinedError       a person said no
        ├── AbortedError        a person gave the release up, and it was taken back
        ├── CancelledError      the run was cancelled while it asked
        ├── ExpiredError        nobody answered in time
        └── EvidenceChangedError  the approval was given for something else

An error carries problems; a problem says what was seen, what was expected and what to do next.
"""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.masking import mask_secrets


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that stands in the way, in three parts that read as one message."""

    seen: str
    expected: str
    next: str

    def __str__(self) -> str:
        return f"{_sentence(self.seen)} Expected: {_sentence(self.expected)} Next: {_sentence(self.next)}"


class LockgateError(Exception):
    """The base of all; carries at least one problem, without any secret that is known."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(_without_secrets(problem) for problem in problems)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class TransientError(LockgateError):
    """The outside is not ready; the same call may succeed later."""


class UnavailableError(TransientError):
    """The outside could not be reached, timed out, or answered with a server error."""


class RateLimitedError(TransientError):
    """The outside refuses for now because of too many requests.

    `wait_seconds` is how long it asked to wait, at least.
    """

    def __init__(self, *problems: Problem, wait_seconds: float = 60.0) -> None:
        super().__init__(*problems)
        self.wait_seconds = wait_seconds

    def __reduce__(self) -> tuple[object, ...]:
        return (_rate_limited, (self.problems, self.wait_seconds))


class NotVisibleError(TransientError):
    """What was done cannot be seen yet."""


class DeadlineError(NotVisibleError):
    """What was waited for did not come within the configured time; the same command waits again, a retry does not."""


class RefusedError(LockgateError):
    """What was seen contradicts what the release needs; only a person can decide."""


class SettingsError(LockgateError):
    """The request or the settings cannot be used; raised once, with every problem."""


class CheckpointError(LockgateError):
    """A checkpoint ended without a yes."""


class DeclinedError(CheckpointError):
    """A person declined."""


class AbortedError(CheckpointError):
    """A person gave the release up; what it had left was taken back as far as that goes."""


class CancelledError(CheckpointError):
    """The run was cancelled, or ended by hand in another way, before anybody answered."""


class ExpiredError(CheckpointError):
    """Nobody answered before the checkpoint's deadline."""


class EvidenceChangedError(CheckpointError):
    """What was approved is not what is there now."""


def refused(seen: str, expected: str, next: str) -> RefusedError:  # noqa: A002 - the third of the three words
    """A refusal with a single problem."""
    return RefusedError(Problem(seen, expected, next))


def unavailable(seen: str, expected: str, next: str) -> UnavailableError:  # noqa: A002 - the third of the three words
    """An outage with a single problem."""
    return UnavailableError(Problem(seen, expected, next))


def _without_secrets(problem: Problem) -> Problem:
    return Problem(mask_secrets(problem.seen), mask_secrets(problem.expected), mask_secrets(problem.next))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "`", ":")) else text + "."


def _rate_limited(problems: tuple[Problem, ...], wait_seconds: float) -> RateLimitedError:
    return RateLimitedError(*problems, wait_seconds=wait_seconds)
