"""Who is told of what: Prefect's automations on the ends and waits of our runs, and the schedule of the reminders.

They are made by name: made again they are brought up to date, never doubled.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from flows.ending import NAMES
from lockgate.errors import Problem, SettingsError
from lockgate.reminders import Reminders
from lockgate.texts import PLAIN

REMINDERS = "reminders/reminders"
REMINDERS_CRON = "0 8,14 * * 1-5"
"""Twice on workdays, in UTC."""

TAG = "prefect.tag.lockgate"
"""The tag of our deployments in prefect.yaml, by which Prefect's events name it."""

WAITING = ("Suspended", "Paused")
STOPPED = (
    *(name for _, name in NAMES), "Stopped", "Failed", "Crashed", "TimedOut", "Differences", "Not reminded",
)  # fmt: skip
RELEASED = ("Released",)
KINDS = {
    "lockgate: a release waits for a person": WAITING,
    "lockgate: a run stopped": STOPPED,
    "lockgate: released": RELEASED,
}
MESSAGE_LIMIT = 1000


def _plain(value: str) -> str:
    """A value in Prefect's template, made plain as `lockgate.texts.plain` does: what it says may be of others."""
    steps = "".join(f" | replace({json.dumps(mark)}, {json.dumps(instead)})" for mark, instead in PLAIN)
    return f"{{{{ ({value} or '') | string{steps} | truncate({MESSAGE_LIMIT}) }}}}"


SUBJECT = f"{_plain('flow_run.name')}: {_plain('flow_run.state.name')}"
BODY = (
    f"{_plain('flow.name')} {_plain('flow_run.name')} is {_plain('flow_run.state.name')}."
    f" {_plain('flow_run.state.message')} {{{{ flow_run|ui_url }}}}"
)
"""Parameters are left out on purpose: a message goes to more people than the pages do."""


def notify_through(block: str) -> tuple[str, ...]:
    """Make or update the automations that notify through this block (TYPE/NAME); their names.

    Raises SettingsError when there is no such block.
    """
    with get_client(sync_client=True) as client:
        document = _block(client, block)
        for name, states in KINDS.items():
            _put(client, _automation(name, states, document))
    return tuple(KINDS)


def remind_through(block: str) -> None:
    """Give the reminders a schedule unless they have one; with a block, let all their schedules remind through it.

    Raises SettingsError when the reminders are not deployed.
    """
    with get_client(sync_client=True) as client:
        try:
            found = client.read_deployment_by_name(REMINDERS)
        except ObjectNotFound as error:
            raise SettingsError(
                Problem(
                    f"there is no deployment {REMINDERS!r}", "the deployments of prefect.yaml",
                    "deploy them first: lockgate deploy, or lockgate up",
                )
            ) from error  # fmt: skip
        if not found.schedules:
            cron = DeploymentScheduleCreate(schedule=CronSchedule(cron=REMINDERS_CRON, timezone="UTC"), active=True)
            found.schedules = client.create_deployment_schedules(found.id, [cron])
        for schedule in found.schedules if block else []:
            kept = Reminders(**schedule.parameters.get("settings", {}))
            settings = {"settings": asdict(replace(kept, notify=block))}
            client.request(
                "PATCH", "/deployments/{id}/schedules/{schedule_id}",
                path_params={"id": found.id, "schedule_id": schedule.id}, json={"parameters": settings},
            )  # fmt: skip


def _block(client: SyncPrefectClient, block: str) -> UUID:
    kind, _, name = block.partition("/")
    try:
        return client.read_block_document_by_name(name, kind).id
    except (ObjectNotFound, ValueError) as error:
        raise SettingsError(
            Problem(
                f"there is no block {block!r}", "a notification block as TYPE/NAME, such as slack-webhook/releases",
                "make it in Prefect's pages (Blocks) and name it",
            )
        ) from error  # fmt: skip


def _put(client: SyncPrefectClient, automation: AutomationCore) -> None:
    known = client.read_automations_by_name(automation.name)
    if known:
        client.update_automation(known[0].id, automation)
    else:
        client.create_automation(automation)


def _automation(name: str, states: tuple[str, ...], block: UUID) -> AutomationCore:
    trigger = EventTrigger(
        expect={f"prefect.flow-run.{state}" for state in states},
        match={"prefect.resource.id": ["prefect.flow-run.*"]},
        match_related={"prefect.resource.role": "tag", "prefect.resource.id": TAG},
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(seconds=0),
    )
    message = SendNotification(block_document_id=block, subject=SUBJECT, body=BODY)
    return AutomationCore(name=name, trigger=trigger, actions=[message])
