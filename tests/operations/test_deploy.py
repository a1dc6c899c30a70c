"""`lockgate deploy` against a real server that it did not start."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient

from cli.pages import LOOPBACK
from cli.services import QUIET, free_port, is_healthy, program, server
from tests.operating import COMMAND, PASSWORDS, ROOT, Station, connected

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

AUTH = "admin:tidegate"
URL = "https://github.com/example/demo"
DEPLOYMENTS = ["release", "reminders", "scheduled-release", "sentinel"]
HEARTBEAT = "lockgate: a run without a heartbeat has crashed"
NOTIFICATIONS = ["lockgate: a release waits for a person", "lockgate: a run stopped", "lockgate: released"]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server as somebody else runs it: empty, and not started by Lockgate's own command."""
    port = free_port()
    address = f"http://{LOOPBACK}:{port}"
    service = server(tmp_path_factory.mktemp("prefect"), port or 0, AUTH, QUIET)
    service.start()
    service.wait_until(lambda: is_healthy(address))
    PASSWORDS[f"{address}/api"] = AUTH
    yield f"{address}/api"
    service.stop(gently=False)


@pytest.fixture
def client(api: str) -> Iterator[SyncPrefectClient]:
    with connected(api) as found:
        yield found


@pytest.fixture
def environ(api: str, tmp_path: Path) -> dict[str, str]:
    """A person's shell on a machine where PREFECT_API_URL names the server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    homes = {"PREFECT_HOME": str(tmp_path / "prefect"), "LOCKGATE_HOME": str(tmp_path / "home")}
    return {**kept, **homes, "PYTHONPATH": str(ROOT), "PREFECT_API_URL": api, "PREFECT_API_AUTH_STRING": AUTH}


def run(command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300)


def deploy(environ: dict[str, str], *words: str) -> dict[str, Any]:
    done = run([*COMMAND, "deploy", "--repository", URL, "--json", *words], environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def look(client: SyncPrefectClient) -> dict[str, list[str]]:
    """Everything of the server that a deployment could double."""
    deployments = client.read_deployments()
    automations = client.request("POST", "/automations/filter", json={}).json()
    return {
        "pools": [one.name for one in client.read_work_pools()],
        "deployments": sorted(one.name for one in deployments),
        "schedules": sorted(one.name for one in deployments for _ in one.schedules),
        "automations": sorted(one["name"] for one in automations),
    }


def test_set_up_twice_and_by_prefects_own_command_nothing_is_there_twice(
    client: SyncPrefectClient, environ: dict[str, str]
) -> None:
    made = deploy(environ)
    assert sorted(made["deployments"]) == DEPLOYMENTS
    assert made["automations"] == [HEARTBEAT]
    first = look(client)
    assert first == {
        "pools": ["lockgate"], "deployments": DEPLOYMENTS, "schedules": ["reminders"], "automations": [HEARTBEAT],
    }  # fmt: skip
    by_hand = run([program("prefect"), "--no-prompt", "deploy", "--all"], environ)
    assert by_hand.returncode == 0, by_hand.stdout + by_hand.stderr
    assert deploy(environ) == made
    assert look(client) == first
    assert client.read_deployment_by_name("release/release").parameters == {"request": {"repository": URL}}
    command = client.read_work_pool("lockgate").base_job_template["variables"]["properties"]["command"]["default"]
    assert command.endswith("-m prefect.engine")


def test_notifications_are_set_up_with_the_rest(client: SyncPrefectClient, environ: dict[str, str]) -> None:
    CustomWebhookNotificationBlock(name="team", url="http://127.0.0.1:9/hook").save("team", overwrite=True)
    for _ in range(2):
        assert deploy(environ, "--notify", "custom-webhook/team")["automations"] == [HEARTBEAT, *NOTIFICATIONS]
    assert look(client)["automations"] == sorted([HEARTBEAT, *NOTIFICATIONS])
    (schedule,) = client.read_deployment_by_name("reminders/reminders").schedules
    assert schedule.parameters["settings"]["notify"] == "custom-webhook/team"


def test_a_block_that_is_not_there_is_told_before_anything_is_made(
    client: SyncPrefectClient, environ: dict[str, str]
) -> None:
    before = look(client)
    done = run([*COMMAND, "deploy", "--notify", "slack-webhook/nobody", "--json"], environ)
    assert done.returncode == 2
    assert "there is no block 'slack-webhook/nobody'" in json.loads(done.stdout)["problems"][0]["seen"]
    assert look(client) == before


def test_server_worker_and_commands_reach_each_other_behind_a_proxy(own_station: Station) -> None:
    proxies = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    own_station.extra |= {**dict.fromkeys(proxies, "http://127.0.0.1:9"), "no_proxy": "", "NO_PROXY": ""}
    station = own_station.start()
    listed = station.run("status", "--json")
    assert (listed.returncode, json.loads(listed.stdout)) == (0, []), listed.stderr
    assert station.run("deploy", "--json").returncode == 0
    assert station.stop() == 0
