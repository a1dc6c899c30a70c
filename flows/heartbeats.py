"""The second net for runs whose process has vanished: no heartbeat for a while makes them Crashed.

Prefect holds an event back for 15 minutes when the one that it follows was lost, as happens when its server is killed; only
heartbeats follow nothing. So for that long a run that waits for a person looks as if it had vanished, and the net is slower.
"""

from __future__ import annotations

import time
from datetime import timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events import emit_event
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.settings import get_current_settings

NAME = "lockgate: a run without a heartbeat has crashed"
LAST_WORD = "prefect.flow-run.lockgate-waits"
TAG = "prefect.tag.lockgate"
WITHIN_SECONDS = 20 * 60
SETTLE_SECONDS = 3.0
"""How long Prefect is given to evaluate a heartbeat."""


def ensure_automation(within_seconds: float = WITHIN_SECONDS) -> None:
    """Make the automation, or bring the one with its name up to date.

    `within_seconds` has to be more than twice the heartbeats' frequency.

    Any event of the run ends the watch: it may wait for a person without heartbeats, and its end has a name of its own
    (Released, Declined, …). The next heartbeat begins another.
    """
    with get_client(sync_client=True) as client:
        known = client.read_automations_by_name(NAME)
        if known:
            client.update_automation(known[0].id, _automation(within_seconds))
        else:
            client.create_automation(_automation(within_seconds))


def end_watch(run_id: str) -> None:
    """Say that a run's process ends for a wait: its last word, behind its last heartbeat.

    A heartbeat may reach the server after the news of the suspension, and begins a watch then that nothing else would end
    until a person answers. Prefect evaluates two events at a time, in whatever order, and tells nobody when it has: so the last
    word comes some seconds later. Where heartbeats are off nothing is watched.
    """
    if get_current_settings().flows.heartbeat_frequency is None:
        return
    time.sleep(SETTLE_SECONDS)
    tag = {"prefect.resource.id": TAG, "prefect.resource.role": "tag"}
    emit_event(LAST_WORD, {"prefect.resource.id": f"prefect.flow-run.{run_id}"}, related=[tag])


def _automation(within_seconds: float) -> AutomationCore:
    trigger = EventTrigger(
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.*"},
        match={"prefect.resource.id": ["prefect.flow-run.*"]},
        match_related={"prefect.resource.role": "tag", "prefect.resource.id": TAG},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=within_seconds),
    )
    message = f"no heartbeat for {within_seconds:g} s"
    crashed = ChangeFlowRunState(state=StateType.CRASHED, name=None, message=message, force=False)
    return AutomationCore(name=NAME, trigger=trigger, actions=[crashed])
