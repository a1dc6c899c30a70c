"""A person works in Prefect's pages: reads the brief, answers with the form, sees how the release ends."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from flows.release_flow import release
from lockgate.request import Request
from lockgate.steps import CHART
from tests.flow_runs import Run

pytestmark = pytest.mark.browser
BUSY = "Service Unavailable|Failed to resume"


def open_form(page: Page, pages: str, run: Run) -> Locator:
    """The Resume dialog of a waiting run."""
    page.goto(f"{pages}/v2/runs/flow-run/{run.id}")
    page.get_by_role("button", name="Open menu").first.click()
    page.get_by_role("menuitem", name="Resume").click()
    return page.get_by_role("dialog", name="Resume Flow Run")


def choose(page: Page, form: Locator, decision: str) -> None:
    form.get_by_text("Select", exact=True).click()
    page.get_by_role("option", name=decision, exact=True).click()


def press(page: Page, form: Locator, button: str, said: str) -> str:
    """Press a button until the pages say this, and not that Prefect's database was busy (503; they do not try again)."""
    toasts = page.locator("[data-sonner-toast]")
    while True:
        expect(toasts).to_have_count(0)
        form.get_by_role("button", name=button, exact=True).click()
        expect(toasts.first).to_be_visible()
        text = toasts.first.text_content() or ""
        if said in text:
            return text
        assert re.search(BUSY, text), f"the pages say {text!r}"


def resume(page: Page, form: Locator) -> None:
    press(page, form, "Resume", "Flow run resumed")


def test_release_is_approved_in_the_pages(page, prefect_pages, runs, sandbox, shoot):
    """The brief and the form, twice; then the run page, its graph and what the steps left."""
    run = runs.begin(release, request=Request(sandbox.origin_url, "minor", requested_by="ada"))

    asked = run.asks()
    form = open_form(page, prefect_pages, run)
    expect(form.get_by_role("heading", name="Complete test suite with --all flag")).to_be_visible()
    expect(form.get_by_text("Has the complete test suite run")).to_be_visible()
    shoot("resume-brief")
    choose(page, form, "approve")
    form.get_by_label("Your name", exact=True).fill("Ada")
    form.get_by_label("Note (Optional)", exact=True).fill("the night build")
    shoot("resume-form")
    resume(page, form)

    asked = run.asks()
    form = open_form(page, prefect_pages, run)
    expect(form.get_by_text("Compare these values with the project")).to_be_visible()
    expect(form.get_by_role("cell", name="publish.yml").first).to_be_visible()
    assert asked.brief.count("refs/tags/v1.1.0") == 1
    choose(page, form, "approve")
    form.get_by_label("Your name", exact=True).fill("Ada")
    resume(page, form)

    assert run.report(seconds=120)[0] == "Released"
    page.goto(f"{prefect_pages}/v2/runs/flow-run/{run.id}?tab=Artifacts")
    expect(page.get_by_text("lockgate-sample 1.1.0", exact=True).first).to_be_visible()
    expect(page.get_by_text("Released", exact=True).first).to_be_visible()
    expect(page.get_by_text(f"{len(CHART)} Task runs")).to_be_visible()
    expect(page.get_by_text("Plan (lockgate-sample 1.1.0)", exact=True)).to_be_visible()
    expect(page.get_by_text("Step 4: Build release artifacts (lockgate-sample 1.1.0)", exact=True)).to_be_visible()
    shoot("released")
    plan = next(one for one in run.artifacts if one.key == "plan-example-lockgate-sample-1-1-0")
    page.goto(f"{prefect_pages}/v2/artifacts/artifact/{plan.id}")
    expect(page.get_by_role("heading", name="Plan: lockgate-sample 1.1.0")).to_be_visible()
    shoot("plan")


@pytest.mark.slow
def test_release_is_declined_in_the_pages(page, prefect_pages, runs, sandbox, shoot):
    run = runs.begin(release, request=Request(sandbox.origin_url, "minor", requested_by="ada"))
    run.asks()
    form = open_form(page, prefect_pages, run)
    form.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("[data-sonner-toast]").first).to_be_visible()
    assert run.state.is_paused(), "a form without a decision is not taken"
    choose(page, form, "decline")
    form.get_by_label("Your name", exact=True).fill("Bob")
    form.get_by_label("Note (Optional)", exact=True).fill("not today")
    resume(page, form)
    assert run.report()[0] == "Declined"
    expect(page.get_by_text("Declined", exact=True).first).to_be_visible()
    shoot("declined")
    assert "refs/tags" not in str(sandbox.journal)


@pytest.mark.slow
def test_way_out_of_a_conflict_is_taken_in_the_pages(page, prefect_pages, runs, sandbox, shoot):
    run = runs.begin(release, request=Request(sandbox.origin_url, "1.0.0", requested_by="ada"))
    run.asks()
    form = open_form(page, prefect_pages, run)
    expect(form.get_by_role("heading", name="lockgate-sample 1.0.0 cannot be released as it is")).to_be_visible()
    expect(form.get_by_text("1.0.0 is taken: tagged as v1.0.0")).to_be_visible()
    shoot("conflict")
    choose(page, form, "another version")
    form.get_by_label("Your name", exact=True).fill("Ada")
    form.get_by_label("Another version (Optional)", exact=True).fill("minor")
    resume(page, form)
    assert "Complete test suite" in run.asks(seconds=120).brief
    expect(page.get_by_text("lockgate-sample 1.1.0", exact=True).first).to_be_visible()
    runs.cancel(run)
    assert run.report()[0] == "Cancelled"
