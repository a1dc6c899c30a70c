"""A real Chromium on the pages of the session's Prefect server; it reaches nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect, sync_playwright
from prefect.client.orchestration import SyncPrefectClient, get_client

from tests.flow_runs import Runs
from tests.operating import PASSWORDS, Station, connected, station_in, until

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
LOOPBACK = re.compile(r"^https?://127\.0\.0\.1[:/]")
SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
CHROMIUM = shutil.which("chromium") or ""
DEADLINE_SECONDS = 60
EMPTY_GRAPH_BYTES = 20_000
"""More than the picture of a run's graph takes before its tasks are drawn."""


def _only_loopback(route: Route) -> None:
    if LOOPBACK.match(route.request.url):
        route.continue_()
    else:
        route.abort()


SIGN_IN = """const auth = %s[location.origin]; if (auth) localStorage.setItem('prefect-password', btoa(auth));"""


@pytest.fixture
def known(request: pytest.FixtureRequest) -> dict[str, str]:
    """The passwords that the browser has kept, by the server's address: those of the servers that the test uses."""
    if "station" in request.fixturenames:
        api = request.getfixturevalue("station").api
        return {api.removesuffix("/api"): PASSWORDS[api]}
    door = request.getfixturevalue("prefect_door")
    return {door.address: door.auth}


@pytest.fixture
def page(known: dict[str, str]) -> Iterator[Page]:
    """A page of a browser that knows the passwords; skips where no Chromium is installed."""
    if not CHROMIUM:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        context.set_default_timeout(DEADLINE_SECONDS * 1000)
        context.route("**/*", _only_loopback)
        context.add_init_script(SIGN_IN % json.dumps(known))
        expect.set_options(timeout=DEADLINE_SECONDS * 1000)
        yield context.new_page()
        browser.close()


@pytest.fixture
def shoot(page: Page) -> Callable[[str], None]:
    """Takes a picture of the page as it is now, for people to look at; the folder is not kept in git."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def take(name: str) -> None:
        if "/flow-run/" in page.url:
            graph = page.locator("canvas").first
            expect(graph).to_be_visible()
            until(lambda: len(graph.screenshot()) > EMPTY_GRAPH_BYTES, "the graph of the run", DEADLINE_SECONDS)
        page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return take


@pytest.fixture
def runs(prefect_api: str) -> Iterator[Runs]:
    with get_client(sync_client=True) as client:
        yield Runs(client)


@pytest.fixture(scope="module")
def station(sample_sandbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """`lockgate up` around a sandbox: server, worker and deployments, as a person starts them."""
    with station_in(tmp_path_factory.mktemp("station") / "sandbox", sample_sandbox) as station:
        yield station.start()


@pytest.fixture
def client(station: Station) -> Iterator[SyncPrefectClient]:
    with connected(station.api) as found:
        yield found
