"""A person starts a release from the Run form of its deployment, and goes on in Prefect's pages alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from cli.runs import recent
from tests.browser.test_pages import choose, press, resume
from tests.operating import DEPLOYMENT, Station, until

pytestmark = [
    pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations"),
]  # fmt: skip
Shoot = Callable[[str], None]

TESTS = "Complete test suite with --all flag"
PUBLISHER = "Confirm PyPI Trusted Publisher settings"
DIALOG = "[role=dialog], [role=alertdialog]"
SOONEST = FlowRunSort.EXPECTED_START_TIME_ASC
SECRETS = re.compile("token|password|secret", re.IGNORECASE)


def pages(station: Station) -> str:
    return station.api.removesuffix("/api") + "/v2"


def open_run_form(page: Page, station: Station, client: SyncPrefectClient) -> Locator:
    deployment = client.read_deployment_by_name(DEPLOYMENT)
    page.goto(f"{pages(station)}/deployments/deployment/{deployment.id}/run")
    form = page.locator("form")
    expect(form.get_by_label("Repository", exact=True)).to_be_visible()
    return form


def fill(form: Locator, **values: str) -> None:
    for label, value in values.items():
        form.get_by_label(label, exact=True).fill(value)


def newest(client: SyncPrefectClient, known: set[UUID]) -> FlowRun:
    """The run that is not among these."""
    (run,) = [one for one in recent(client) if one.id not in known]
    return run


def menu(page: Page, item: str) -> None:
    """Choose something in the menu of a run's page."""
    page.get_by_role("button", name="Open menu").first.click()
    page.get_by_role("menuitem", name=item).click()


def answer(page: Page, station: Station, run: FlowRun, decision: str, **fields: str) -> None:
    """Answer what a suspended run asks, in its Resume dialog."""
    page.goto(f"{pages(station)}/runs/flow-run/{run.id}")
    menu(page, "Resume")
    form = page.get_by_role("dialog", name="Resume Flow Run")
    choose(page, form, decision)
    fill(form, **{"Your name": "Ada", **fields})
    resume(page, form)


def test_a_release_is_started_approved_and_read_in_the_pages(
    page: Page, station: Station, client: SyncPrefectClient, shoot: Shoot
) -> None:
    form = open_run_form(page, station, client)
    assert [text for text in form.locator("label").all_inner_texts() if SECRETS.search(text)] == []
    fill(form, **{"Version (Optional)": "minor", "Requested By (Optional)": "ada"})
    shoot("run-form")
    known = {one.id for one in recent(client)}
    press(page, form, "Submit", "scheduled to start")
    run = newest(client, known)

    station.until_state(client, run, "Suspended")
    station.until_asked(client, run, TESTS)
    page.goto(f"{pages(station)}/runs/flow-run/{run.id}")
    expect(page.get_by_text("lockgate-sample 1.1.0", exact=True).first).to_be_visible()
    expect(page.get_by_text("Suspended", exact=True).first).to_be_visible()
    shoot("suspended")
    answer(page, station, run, "approve", **{"Note (Optional)": "the night build"})
    station.until_asked(client, run, PUBLISHER)
    answer(page, station, run, "approve")
    station.until_state(client, run, "Released")

    page.goto(f"{pages(station)}/runs/flow-run/{run.id}?tab=Artifacts")
    expect(page.get_by_text("Released", exact=True).first).to_be_visible()
    expect(page.get_by_text("lockgate-sample 1.1.0: summary", exact=True).first).to_be_visible()
    summary = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(like_="summary-%-1-1-0")))[0]
    page.goto(f"{pages(station)}/artifacts/artifact/{summary.id}")
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(page.get_by_role("link", name="on the index")).to_be_visible()
    shoot("summary")


def test_a_release_is_declined_retried_and_cancelled_in_the_pages(
    page: Page, station: Station, client: SyncPrefectClient, shoot: Shoot
) -> None:
    form = open_run_form(page, station, client)
    known = {one.id for one in recent(client)}
    form.get_by_label("Repository", exact=True).fill("https://ada:hunter2@example.org/a/b")
    said = press(page, form, "Submit", "Validation failed")
    assert "repository" in said
    shoot("refused-form")
    assert {one.id for one in recent(client)} == known

    form = open_run_form(page, station, client)
    fill(form, **{"Version (Optional)": "patch"})
    press(page, form, "Submit", "scheduled to start")
    run = newest(client, known)
    station.until_asked(client, run, TESTS)
    answer(page, station, run, "decline", **{"Note (Optional)": "not today"})
    ended = station.until_state(client, run, "Declined")
    assert "not today" in str(ended.state and ended.state.message)
    page.goto(f"{pages(station)}/runs/flow-run/{run.id}")
    expect(page.get_by_text("Declined", exact=True).first).to_be_visible()
    shoot("declined-deployment")

    menu(page, "Retry")
    page.locator(DIALOG).get_by_role("button", name="Retry", exact=True).click()
    station.until_state(client, run, "Suspended")
    station.until_asked(client, run, TESTS)
    page.goto(f"{pages(station)}/runs/flow-run/{run.id}")
    menu(page, "Cancel")
    shoot("cancel")
    page.locator(DIALOG).get_by_role("button", name="Cancel Flow Run", exact=True).click()
    station.until_state(client, run, "Cancelled")
    station.until_idle()
    station.until_asked(client, station.begin(client, version="patch"), TESTS)


def test_the_next_run_of_a_schedule_is_in_the_pages(
    page: Page, station: Station, client: SyncPrefectClient, shoot: Shoot
) -> None:
    deployment = client.read_deployment_by_name("scheduled-release/scheduled-release")
    releases = {"releases": [{"repository": "https://github.com/example/one", "version": "minor"}]}
    weekly = {"cron": "30 7 * * 1", "timezone": "Europe/Berlin"}
    row = {"schedule": weekly, "active": True, "parameters": {"schedule": releases}}
    url = f"{station.api}/deployments/{deployment.id}/schedules"
    until(lambda: httpx.post(url, json=[row], timeout=30).is_success, "a schedule")
    mine = FlowRunFilter(deployment_id={"any_": [deployment.id]})  # type: ignore[arg-type]
    planned = until(lambda: client.read_flow_runs(flow_run_filter=mine, sort=SOONEST), "its runs")
    page.goto(f"{pages(station)}/deployments/deployment/{deployment.id}?tab=Upcoming")
    expect(page.get_by_text(planned[0].name, exact=True)).to_be_visible()
    expect(page.get_by_text("At 07:30 AM, only on Monday")).to_be_visible()
    shoot("schedule")
