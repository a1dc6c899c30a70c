"""What texts of others come to in Prefect's pages: nothing loads, nothing is forged, everything is to be seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate

from lockgate.errors import Problem
from lockgate.markdown import link
from lockgate.plan import Finding, Plan, markdown
from tests.forgeries import FORGERIES, WORDS, forged_briefs, pause

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
pytestmark = pytest.mark.browser
HOSTILE = "\n\n".join(FORGERIES.values())


def test_a_text_of_others_forges_and_loads_nothing_in_a_dialog(page: Page, prefect_pages, prefect_api):
    question = forged_briefs(HOSTILE)["tested"]
    with get_client(sync_client=True) as client:
        run = pause(client, question)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{prefect_pages}/v2/runs/flow-run/{run.id}")
    page.get_by_role("button", name="Open menu").first.click()
    page.get_by_role("menuitem", name="Resume").click()
    form = page.get_by_role("dialog", name="Resume Flow Run")
    expect(form.get_by_role("heading", name=question.title)).to_be_visible()
    expect(form.get_by_text("Already approved by Ada").first).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "texts-dialog.png")
    assert form.get_by_role("heading", name="Already approved").count() == 0
    assert form.locator("img").count() == form.locator("a").count() == 0
    assert form.get_by_role("cell", name="fingerprint").count() == 1
    assert not [one for one in asked if "evil" in one]


def test_a_text_of_others_forges_and_loads_nothing_in_an_artifact(page: Page, prefect_pages, prefect_api):
    problem = Problem(WORDS, f"no {WORDS}", HOSTILE)
    plan = Plan(
        "demo", "1.1.0", WORDS, f"v1|{WORDS}", WORDS, WORDS, "a" * 40, (("branch", f"a\\|{WORDS}", WORDS),),
        (Finding("version", HOSTILE, (problem,), (WORDS,)), Finding("tests", "see http://evil.example/plain and www.evil.example")),
    )  # fmt: skip
    text = f"{markdown(plan)}\n\n{link('the index', 'http://evil.example/', ('index.example',))}"
    with get_client(sync_client=True) as client:
        made = client.create_artifact(ArtifactCreate(type="markdown", key="texts-of-others", data=text))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{prefect_pages}/v2/artifacts/artifact/{made.id}")
    expect(page.get_by_role("heading", name="Plan: demo 1.1.0")).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "texts-artifact.png", full_page=True)
    assert page.get_by_role("heading", name="Already approved").count() == 0
    assert page.locator("a[href*=evil], img[src*=evil]").count() == 0
    assert not [one for one in asked if "evil" in one]
