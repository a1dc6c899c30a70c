"""Proof of identity and a second person, by the real command on a real server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient

from sandbox.world import Sandbox
from tests.operating import Station, git_show, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

SETTINGS = """
[tool.lockgate]
signed-approvals = true
allowed-signers = "signers"
self-approval = false
approvals-before-publish = 2
checkpoints = { tests = "never", publisher = "never" }
"""
PUBLISH = "Export artifacts and push release tag"


def make_key(folder: Path, name: str) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(command, check=True, timeout=60)
    return folder / name


def ask_for_signatures(station: Station, folder: Path) -> dict[str, Path]:
    """Put the strict settings and two people's keys on the release branch."""
    keys = {name: make_key(folder, name) for name in ("ann", "bob", "ada")}
    signers = "".join(
        f'{name} namespaces="lockgate" {key.with_suffix(".pub").read_text()}' for name, key in keys.items()
    )
    world = Sandbox.open(station.folder)
    project = git_show(station.folder / "origin.git", "main:pyproject.toml")
    world.commit_to_main("signers", signers, "Say who may sign")
    world.commit_to_main("pyproject.toml", project + SETTINGS, "Ask for signatures")
    return keys


def test_two_signatures_of_people_who_did_not_ask_publish(
    station: Station, client: SyncPrefectClient, tmp_path: Path
) -> None:
    keys = ask_for_signatures(station, tmp_path)
    run = station.begin(client, requested_by="ada")

    def answer(name: str, key: str = "") -> str:
        """Answer the question that waits; what the next one says of it."""
        station.until_asked(client, run, PUBLISH)
        words = ("--name", name, "--decision", "approve", *(("--key", str(keys[key])) if key else ()))
        before = station.status(run)["since"]
        said = station.run("approve", str(run.id), *words)
        assert said.returncode == 0, said.stdout
        until(lambda: station.status(run)["since"] != before, "the next state")
        station.until_state(client, run, "Suspended", "Released")
        question = station.status(run)["question"]
        return str(question["brief"]) if question else ""

    assert "the approval of 'ann' is not proved: it carries no signature" in answer("ann")
    assert "the approval of 'ann' is not proved: ssh-keygen says" in answer("ann", "bob")
    assert "'ada' asked for this release" in answer("ada", "ada")
    assert "Approved by `ann`; one more person has to" in answer("ann", "ann")
    assert "'ann' has approved this already" in answer("ann", "ann")
    assert answer("bob", "bob") == ""
    station.until_state(client, run, "Released")

    kept = json.loads(git_show(station.folder / "origin.git", "main:releases/1.1.0.json"))
    assert [one["approver"] for one in kept["approvals"]] == ["ann", "bob"]
    assert all("BEGIN SSH SIGNATURE" in one["signature"] for one in kept["approvals"])
