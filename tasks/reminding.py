"""What the scheduled flows do to people: notifications through Prefect's blocks; and the look at half uploads."""

from __future__ import annotations

import logging
import os
from typing import Any, cast

import prefect.blocks.notifications  # noqa: F401 - registers the kinds of blocks that a name can mean
from prefect import task
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.cache_policies import NO_CACHE

from lockgate.errors import Problem, SettingsError, UnavailableError
from lockgate.reminders import UploadWindow
from planning.uploads import open_windows
from tasks.policy import JITTER, is_transient

log = logging.getLogger(__name__)

OPTIONS: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [1.0, 4.0, 15.0],
    "retry_jitter_factor": JITTER,
    "retry_condition_fn": is_transient,
    "timeout_seconds": 120.0,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}


@task(name="Notify", task_run_name="Notify {block}", **OPTIONS)
def send(block: str, subject: str, body: str) -> None:
    """Send a message through a notification block, named TYPE/NAME.

    Raises SettingsError when there is no such block or it cannot notify, UnavailableError when the message was not taken.
    What the block's own error says is not repeated: it may hold the address, which is a secret.
    """
    channel: Any = _load(block)
    try:
        with channel.raise_on_failure():  # without it most kinds of blocks only log that nobody was reached
            channel.notify(body=body, subject=subject)
    except Exception as error:  # noqa: BLE001 - each kind of block has errors of its own
        raise UnavailableError(
            Problem(f"the block {block!r} did not take the message ({type(error).__name__})", "a notification",
                    "try the block in Prefect's pages; the next run of this schedule sends again")
        ) from None  # fmt: skip
    log.info("%s: %s", block, subject)


@task(name="Look for half uploads", **OPTIONS)
def look_for_half_uploads(index: str) -> tuple[UploadWindow, ...]:
    """Releases of which the index has some files and lacks others; UnavailableError when it does not answer."""
    return open_windows(index, os.environ)


def _load(block: str) -> NotificationBlock:
    try:
        found = cast("Block", Block.load(block))
    except (ValueError, RuntimeError) as error:
        raise _unusable(block, "is not there") from error
    if not isinstance(found, NotificationBlock):
        raise _unusable(block, "cannot notify")
    return found


def _unusable(block: str, why: str) -> SettingsError:
    return SettingsError(
        Problem(
            f"the block {block!r} {why}",
            "a notification block as TYPE/NAME, such as slack-webhook/releases",
            "make it in Prefect's pages (Blocks), or correct the name in the schedule",
        )
    )
