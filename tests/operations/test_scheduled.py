"""The scheduled flows as `lockgate up` runs them: a release from its schedule to the index, with everybody told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from tests.operating import Station, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

TESTS = "Complete test suite with --all flag"
PUBLISHER = "Confirm PyPI Trusted Publisher settings"
MESSAGES = {"lockgate-sample 1.1.0: Suspended", "lockgate-sample 1.1.0: Released"}


def start(client: SyncPrefectClient, name: str, parameters: dict[str, Any]) -> FlowRun:
    """Start a run of a deployment, as its schedule does."""
    deployment = client.read_deployment_by_name(f"{name}/{name}")
    return client.create_flow_run_from_deployment(deployment.id, parameters=parameters)


def find_release(client: SyncPrefectClient) -> FlowRun:
    """The release that a schedule started and that is not over."""
    runs = [run for run in client.read_flow_runs() if "scheduled" in run.tags]
    (one,) = [run for run in runs if run.state is not None and not run.state.is_final()]
    return one


def test_a_scheduled_release_waits_reminds_is_released_and_watched(
    station: Station, client: SyncPrefectClient, receiver: Any
) -> None:
    """One road: the schedule starts it, people are told and approve, the index has it, the sentinel finds no difference."""
    body = {"subject": "{{subject}}", "body": "{{body}}"}
    CustomWebhookNotificationBlock(name="team", url=receiver.url, json_data=body).save("team", overwrite=True)
    told = station.run("notify", "custom-webhook/team")
    assert told.returncode == 0, told.stdout + told.stderr
    (schedule,) = client.read_deployment_by_name("reminders/reminders").schedules
    assert schedule.parameters["settings"]["notify"] == "custom-webhook/team"

    repository = client.read_deployment_by_name("release/release").parameters["request"]["repository"]
    wanted = {"schedule": {"releases": [{"repository": repository, "version": "minor"}]}}
    looked = station.until_state(client, start(client, "scheduled-release", wanted), "Started")
    assert looked.state is not None
    assert "lockgate-sample 1.1.0: 2 commits since v1.0.0" in str(looked.state.message)

    release = find_release(client)
    station.until_asked(client, release, TESTS)
    again = station.until_state(client, start(client, "scheduled-release", wanted), "Under way")
    assert "run 'lockgate-sample 1.1.0' is suspended" in str(again.state and again.state.message)
    now = {"settings": {"notify": "custom-webhook/team", "remind_after_hours": 0}}
    station.until_state(client, start(client, "reminders", now), "Reminded")
    reminder = until(
        lambda: next((one for one in receiver.received if one["subject"].startswith("Lockgate: waits")), None),
        "a reminder",
    )
    assert re.match(f"lockgate-sample 1.1.0 has waited [0-9]+ minutes? for anyone: {TESTS}", reminder["body"])

    station.until_asked(client, release, TESTS)
    station.approve(release)
    station.until_asked(client, release, PUBLISHER)
    station.approve(release)
    station.until_state(client, release, "Released")
    # Which of them came is up to Prefect: with SQLite, under load, automations miss events and repeat messages.
    assert {one["subject"] for one in receiver.received} <= MESSAGES | {reminder["subject"]}

    watched = station.until_state(
        client, start(client, "sentinel", {"watch": {"repositories": [repository]}}), "In order"
    )
    assert "1.1.0 agree on main" in str(watched.state and watched.state.message)
    over = station.until_state(client, start(client, "scheduled-release", wanted), "Nothing to release")
    assert "no commits since v1.1.0" in str(over.state and over.state.message)
