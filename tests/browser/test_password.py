"""What a person sees who has the printed address: a password is asked for, and with it the pages work."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.timeout(600)]


@pytest.fixture
def known() -> dict[str, str]:
    """A browser that has never been here."""
    return {}


def test_the_pages_ask_for_the_password_and_work_with_it(page, prefect_door, shoot):
    refused = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status == 401 else None)
    page.goto(f"{prefect_door.address}/v2/")
    field = page.locator("input").first
    expect(field).to_be_visible()
    assert refused
    shoot("password")
    field.fill("admin:wrong")
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_role("button", name="Login")).to_be_visible()
    field.fill(prefect_door.auth)
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_role("link", name="Deployments")).to_be_visible()
    page.goto(f"{prefect_door.address}/v2/runs")
    expect(page.get_by_role("link", name="Deployments")).to_be_visible()
    shoot("signed-in")
