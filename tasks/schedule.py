"""What a scheduled run does besides releasing: look at each repository, and show what it came to."""

from __future__ import annotations

import logging

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext

from lockgate.markdown import markdown_table
from lockgate.request import Request
from lockgate.schedules import Outlook
from planning.outlook import look_ahead
from tasks.credentials import WorkerEnvironment
from tasks.policy import JITTER, is_transient
from tasks.showing import pages

log = logging.getLogger(__name__)

DELAYS_SECONDS = (1.0, 4.0, 15.0)
LOOK_SECONDS = 600.0


class Seen:
    """The outlook of a repository, its origin and OWNER/NAME. A plain class, into which Prefect does not look for edges."""

    __slots__ = ("origin_url", "outlook", "slug")

    def __init__(self, outlook: Outlook, origin_url: str, slug: str) -> None:
        self.outlook = outlook
        self.origin_url = origin_url
        self.slug = slug


@task(
    name="Look for something to release", task_run_name="Look at {request.label}", retries=len(DELAYS_SECONDS),
    retry_delay_seconds=list(DELAYS_SECONDS), retry_jitter_factor=JITTER, retry_condition_fn=is_transient,
    timeout_seconds=LOOK_SECONDS, cache_policy=NO_CACHE, persist_result=False,
)  # fmt: skip
def look_for_release(request: Request) -> Seen:
    """The outlook of one repository; nothing but a workspace of its own is changed.

    Raises SettingsError for what cannot be released, UnavailableError when the outside does not answer.
    """
    outlook, release = look_ahead(request, WorkerEnvironment())
    log.info("%s: %d commits since %s", release.label, len(outlook.commits), outlook.previous or "the beginning")
    return Seen(outlook, release.origin_url, release.slug)


@task(name="Show what each repository came to", cache_policy=NO_CACHE, persist_result=False)
def show_rows(key: str, rows: list[dict[str, str]], description: str) -> None:
    """Keep a table as an artifact of this task run; `key` has lower-case letters, digits and dashes only.

    As Markdown, whose cells wrap and hold links: Prefect's own tables do neither.
    """
    if TaskRunContext.get() is not None:
        create_markdown_artifact(
            f"# {description}\n\n{markdown_table(rows, pages())}", key=key, description=description
        )
