"""State survives: a close, a kill in the middle of a run, another process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from sandbox.__main__ import main
from sandbox.faults import Fault
from sandbox.world import Sandbox

ROOT = Path(__file__).parents[2]


def test_state_survives_a_restart_on_the_same_ports(world, api, publish):
    run = publish()
    addresses = world.environment
    world.faults.add(Fault("error", match="never"))
    release = api.client.get("/releases").json()
    world.close()
    with Sandbox.open(world.folder) as again:
        assert again.environment == addresses
        assert api.client.get("/releases").json() == release
        assert api.runs()[0]["id"] == run["id"]
        assert len(again.faults.armed) == 1
        assert httpx.get(f"{again.index_url}lockgate-sample/").status_code == 200


def test_a_taken_port_is_replaced(world, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", str(world.folder), str(other)], check=True)
    with Sandbox.open(other) as second:
        assert second.github_url != world.github_url
        assert second.token == world.token


def test_waiting_run_is_taken_up_again(world, api, publish):
    world.set_environment("pypi", reviewers=["example"])
    run = publish()
    world.close()
    with Sandbox.open(world.folder) as again:
        pending = api.client.get(f"/actions/runs/{run['id']}/pending_deployments").json()
        body = {"environment_ids": [pending[0]["environment"]["id"]], "state": "approved", "comment": ""}
        api.client.post(f"/actions/runs/{run['id']}/pending_deployments", json=body)
        again.wait_idle(30)
        assert api.client.get(f"/actions/runs/{run['id']}").json()["conclusion"] == "success"


def serve(*arguments: str) -> tuple[subprocess.Popen[str], dict]:
    command = [sys.executable, "-m", "sandbox", *arguments, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return process, json.loads(process.stdout.readline())


def wait_until(holds, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_killed_in_the_middle_of_a_run(world, api, checkout, made, status):
    """A process serves the folder, is killed while the run is under way, and another one ends the run."""
    world.close()
    slow = 1.0 if status == "queued" else 0.4
    world.set_delay(slow)
    process, addresses = serve(str(world.folder))
    try:
        assert addresses["origin"] == world.origin_url
        api.release("v1.1.0", made.distributions())
        checkout.tag("v1.1.0")
        wait_until(lambda: world.runs and world.runs[0]["status"] in (status, "in_progress"))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
    assert world.runs[0]["status"] != "completed"
    world.set_delay(0)
    with Sandbox.open(world.folder) as again:
        again.wait_idle(30)
        assert again.runs[0]["conclusion"] == "success"
        assert len(api.client.get("/releases").json()[0]["assets"]) == 2
        published = [change["what"] for change in again.journal if change["service"] == "index"]
        assert len(published) == 2


def test_push_that_was_cut_off_starts_its_run_at_the_next_start(world, api, checkout, made):
    api.release("v1.1.0", made.distributions())
    before = dict(world._context.origin.refs())
    checkout.tag("v1.1.0")
    world.wait_idle(30)
    world.close()
    (world.folder / f"github/runs/{world.runs[0]['id']}.json").unlink()
    (world.folder / "github/push.json").write_text(json.dumps({"before": before}))
    with Sandbox.open(world.folder) as again:
        again.wait_idle(30)
        assert [run["head_branch"] for run in again.runs] == ["v1.1.0"]


def test_served_until_sigterm_with_a_banner(tmp_path, sample):
    command = [sys.executable, "-m", "sandbox", str(tmp_path / "s"), "--repository", str(sample), "--as", "a/b"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    lines = []
    while not lines or not lines[-1].startswith("export GH_TOKEN="):
        lines.append(process.stdout.readline())
        assert lines[-1] or process.poll() is None
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "LOCKGATE SANDBOX" in "".join(lines)
    assert rest == ""


def test_what_cannot_be_served(tmp_path, capsys, sample):
    assert main([str(tmp_path)]) == 2
    assert "is no sandbox: it has no sandbox.json" in capsys.readouterr().err
    assert main([str(tmp_path / "new"), "--repository", str(tmp_path), "--as", "a/b"]) == 2
    assert "is no git repository" in capsys.readouterr().err


def test_create_keeps_what_is_there(world, sample):
    with pytest.raises(ValueError, match="is a sandbox already; open it"):
        Sandbox.create(world.folder, sample, "a/b")


def test_addresses_need_a_start(tmp_path, sample):
    world = Sandbox.create(tmp_path / "w", sample, "a/b")
    with pytest.raises(RuntimeError, match="call start"):
        _ = world.api_url
