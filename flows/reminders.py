"""Reminders: what waits for a person is listed, said again, escalated, and ended at its deadline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.known_runs import now
from flows.run_log import show_logs
from flows.waiting_runs import expire, timed_out_runs, waiting_runs
from lockgate import reminders as rules
from lockgate.errors import LockgateError
from lockgate.reminders import Action, Reminders, UploadWindow, WaitingRun
from lockgate.texts import block as text_block
from lockgate.texts import plain
from tasks.reminding import look_for_half_uploads, send
from tasks.schedule import show_rows

DEFAULTS = Reminders()


@flow(name="reminders", retries=0, persist_result=False)
def reminders(settings: Reminders = DEFAULTS) -> State[list[dict[str, str]]]:
    """List what waits for a person, remind of it, escalate what waits long, and end what is past its deadline.

    Ends as Nothing waits, Waiting, Reminded (a message went out; all green), or Not reminded when one did not. Everything is
    read from Prefect and the index at each run: nothing is lost when one is missed.
    """
    show_logs()
    time = now()
    acted = [(one, rules.decide(one, settings, time)) for one in waiting_runs()]
    acted += [(one, rules.EXPIRE) for one in timed_out_runs()]
    for one, action in acted:
        if action == "expire":
            expire(one, rules.expired(one, time))
    windows, problems = _windows(settings)
    told, unsent = _tell(settings, acted, windows, time)
    problems += unsent
    rows = [rules.row(one, action, time, told=action in told) for one, action in acted]
    rows += [rules.window_row(one, time) for one in windows]
    if rows:
        show_rows("waiting-for-people", rows, "What waits for a person")
    message = "\n".join([*_sentences(acted, time), *(rules.window_sentence(one, time) for one in windows), *problems])
    if problems:
        return Failed(name="Not reminded", message=text_block(message), data=rows)
    name = "Reminded" if told else "Waiting" if rows else "Nothing waits"
    return Completed(name=name, message=text_block(message) or "Nobody is waited for", data=rows)


def _windows(settings: Reminders) -> tuple[tuple[UploadWindow, ...], list[str]]:
    """The releases that are half uploaded; an index that does not answer is said, and keeps nobody from being reminded."""
    try:
        return look_for_half_uploads(settings.index), []
    except LockgateError as error:
        return (), [str(error)]


def _tell(
    settings: Reminders,
    acted: Sequence[tuple[WaitingRun, Action]],
    windows: Sequence[UploadWindow],
    time: datetime,
) -> tuple[set[Action], list[str]]:
    """Send what there is to say: of which actions a message went out, and in words what did not."""
    half = [rules.window_sentence(one, time) for one in windows]
    said: tuple[tuple[Action, str, str, list[str]], ...] = (
        ("remind", settings.notify, "waits for you", _sentences(acted, time, "remind")),
        (
            "escalate",
            settings.escalate or settings.notify,
            "has waited too long",
            _sentences(acted, time, "escalate") + half,
        ),
        (
            "expire",
            settings.notify,
            "nobody answered",
            [plain(str(rules.expired(one, time))) for one, done in acted if done == "expire"],
        ),
    )
    told: set[Action] = set()
    problems = []
    for action, block, subject, lines in said:
        if not lines or not block:
            continue
        try:
            send(block, f"Lockgate: {subject} ({len(lines)})", "\n".join(lines))
            told.add(action)
        except LockgateError as error:
            problems.append(str(error))
    return told, problems


def _sentences(acted: Sequence[tuple[WaitingRun, Action]], time: datetime, only: Action | None = None) -> list[str]:
    return [rules.sentence(one, time) for one, action in acted if only in (None, action)]
