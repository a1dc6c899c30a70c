"""The sentinel's look at one repository."""

from __future__ import annotations

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from lockgate.sentinel import Everywhere
from planning.everywhere import look_everywhere
from tasks.credentials import WorkerEnvironment
from tasks.policy import JITTER, is_transient

log = logging.getLogger(__name__)


class Seen:
    """What was seen everywhere. A plain class, into which Prefect does not look for edges."""

    __slots__ = ("everywhere",)

    def __init__(self, everywhere: Everywhere) -> None:
        self.everywhere = everywhere


@task(
    name="Look everywhere", task_run_name="Look everywhere for {repository}", retries=3,
    retry_delay_seconds=[1.0, 4.0, 15.0], retry_jitter_factor=JITTER, retry_condition_fn=is_transient,
    timeout_seconds=600.0, cache_policy=NO_CACHE, persist_result=False,
)  # fmt: skip
def look(repository: str) -> Seen:
    """Main, tags, GitHub releases, index and fixtures of a repository; nothing is changed.

    Raises SettingsError for what is no project, UnavailableError when a place does not answer.
    """
    return Seen(look_everywhere(repository, WorkerEnvironment()))
