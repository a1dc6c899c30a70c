"""Asking a person through Prefect's pauses, without the traps that they have.

After some retries a pause whose key was used returns at once without any answer, or can never be resumed. So no key is used
for a second question, answers are read from where Prefect keeps them before anything is asked, and an answer that was
carried out is marked as spent. Every form needs a field without a default, so that a resume without an answer fails.
"""

from __future__ import annotations

import contextvars
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotDoneError
from dataclasses import replace
from datetime import datetime
from threading import Thread
from typing import Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

from prefect import pause_flow_run, suspend_flow_run
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRunInput, State
from prefect.exceptions import Pause
from prefect.input import RunInput, create_flow_run_input
from prefect.runtime import deployment, flow_run
from pydantic import ValidationError

from flows.heartbeats import end_watch
from flows.questions import store_question
from lockgate.approvals import Question
from lockgate.errors import CancelledError, ExpiredError, Problem
from lockgate.markdown import prose
from lockgate.waiting import Waiting

log = logging.getLogger(__name__)

POLL_SECONDS = 1
GRACE_SECONDS = 300
ENDED_POLL_SECONDS = 2.0
MOST_INPUTS = 200

Form = TypeVar("Form", bound=RunInput)


class Asked(NamedTuple):
    """What is asked: `name` is what the answer is bound to, `title` and `brief` (Markdown) are what the person reads.

    `approves` is the question of an approval; its fields are stored beside the brief.
    """

    name: str
    title: str
    brief: str
    decisions: tuple[str, ...]
    fields: tuple[str, ...]
    timeout_seconds: int
    approves: Question | None = None


class Stored(NamedTuple):
    """An answer as Prefect keeps it, with its key and the time that it was given at."""

    key: str
    value: dict[str, object]
    time: datetime


class Answered(NamedTuple, Generic[Form]):
    """A person's answer, the key that Prefect keeps it under, and the time that it was given at (not the resume's)."""

    form: Form
    key: str
    time: datetime


def ask(form: type[Form], asked: Asked) -> Answered[Form]:
    """The oldest answer under this name that was not spent, else the one that a person gives now.

    In a deployment the run is suspended and this process ends. Raises ExpiredError when nobody answers in time,
    CancelledError when the run is ended in Prefect while it waits.
    """
    number, why = 0, ""
    while True:
        key = f"{_prefix()}-{asked.name}-{number}"
        known = _inputs(f"{key}-")
        spent = known.get(f"{key}-spent")
        if spent is not None:
            why = f"**{prose(str(spent.decoded_value))}**\n\n" if spent.decoded_value else ""
        elif f"{key}-response" in known:
            given = known[f"{key}-response"]
            return Answered(form(**given.decoded_value), key, _time(given))
        elif not known:
            try:
                answer = _wait(form, asked._replace(brief=why + asked.brief), f"{asked.name}-{number}")
                return Answered(answer, key, _time(_inputs(f"{key}-")[f"{key}-response"]))
            except ValidationError:
                log.warning("Prefect went on without an answer to %r; it is asked again", asked.title)
        number += 1


def spend(key: str, why: str = "") -> None:
    """Mark an answer as carried out: it is never taken again, and the same question is asked anew, saying why."""
    create_flow_run_input(key=f"{key}-spent", value=why)


def unspent(name: str) -> tuple[Stored, ...]:
    """This run's answers to all questions whose name starts like this, the oldest first, without the spent ones."""
    known = _inputs(f"{_prefix()}-{name}")
    keys = [key.removesuffix("-response") for key in known if key.endswith("-response")]
    found = [(key, known[f"{key}-response"]) for key in keys if f"{key}-spent" not in known]
    return tuple(sorted((Stored(key, one.decoded_value, _time(one)) for key, one in found), key=lambda one: one.time))


def _suspends() -> bool:
    return deployment.id is not None


def _prefix() -> Literal["suspended", "paused"]:
    return "suspended" if _suspends() else "paused"


def _inputs(prefix: str) -> dict[str, FlowRunInput]:
    with get_client(sync_client=True) as client:
        found = client.filter_flow_run_input(
            UUID(flow_run.id), key_prefix=prefix, limit=MOST_INPUTS, exclude_keys=set()
        )
    return {one.key: one for one in found}


def _time(stored: FlowRunInput) -> datetime:
    if stored.created is None:
        raise TypeError(f"Prefect gave no time for the answer {stored.key!r}")
    return stored.created


def _wait(form: type[Form], asked: Asked, key: str) -> Form:
    filled = form.with_initial_data(description=asked.brief)
    waiting = _waiting(asked)
    with get_client(sync_client=True) as client:
        store_question(client, f"{_prefix()}-{key}", waiting)
    log.info("Waiting for a person: %s", asked.title, extra={"waiting": waiting})
    timeout = asked.timeout_seconds
    if _suspends():
        try:
            return suspend_flow_run(wait_for_input=filled, timeout=timeout, key=key)
        except Pause:
            end_watch(str(flow_run.id))
            raise
    longer = timeout + GRACE_SECONDS
    return _unless_cancelled(
        lambda: pause_flow_run(wait_for_input=filled, timeout=longer, poll_interval=POLL_SECONDS, key=key), asked
    )


def _waiting(asked: Asked) -> Waiting:
    """What is stored of a question; an approval's evidence with it."""
    plain = Waiting(str(flow_run.id), asked.title, asked.brief, asked.decisions, asked.fields)
    of = asked.approves
    if of is None:
        return plain
    return replace(
        plain, checkpoint=of.checkpoint, starts=of.starts, fingerprint=of.fingerprint, evidence=dict(of.evidence)
    )


def _unless_cancelled(pause: Callable[[], Form], asked: Asked) -> Form:
    """What the pause gives; in a thread, because Prefect's own loop goes on until its timeout in a run that was cancelled.

    The time is up here before it is up in Prefect, which would rename the run's end.
    """
    given: Future[Form] = Future()

    def wait() -> None:
        try:
            given.set_result(pause())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits for it
            given.set_exception(error)

    Thread(target=contextvars.copy_context().run, args=(wait,), name="pause", daemon=True).start()
    deadline = time.monotonic() + asked.timeout_seconds
    while True:
        try:
            return given.result(ENDED_POLL_SECONDS)
        except NotDoneError:
            state = _state()
        if state is not None and (state.is_final() or state.is_cancelling()):
            raise _expired(asked) if state.is_failed() else _cancelled(asked, state)
        if time.monotonic() > deadline:
            raise _expired(asked)


def _state() -> State | None:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(flow_run.id)).state


def _expired(asked: Asked) -> ExpiredError:
    return ExpiredError(
        Problem(
            f"nobody answered {asked.title!r} within {asked.timeout_seconds / 3600:g} hours", "an answer",
            "start the release again when somebody is there: until its tag is out it begins anew from main",
        )
    )  # fmt: skip


def _cancelled(asked: Asked, state: State) -> CancelledError:
    return CancelledError(
        Problem(
            f"the run became {state.name!r} in Prefect while it waited for an answer to {asked.title!r}", "an answer",
            "start the release again: until its tag is out it begins anew from main",
        )
    )  # fmt: skip
