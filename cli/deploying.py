"""What `lockgate deploy` and `lockgate up` set up on Prefect's server: work pool, deployments, automations."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import yaml

from cli.services import program
from lockgate.errors import Problem, SettingsError, UnavailableError

ROOT = Path(__file__).parent.parent
POOL = "lockgate"
RELEASE = "release/release"
DEPLOY_SECONDS = 180


def deploy(repository: str, block: str = "") -> dict[str, str | list[str]]:
    """Make or update work pool, deployments of prefect.yaml, automations, and the reminders' schedule; their names.

    `repository` becomes the default in the form of the release; "" leaves the form empty. With a block (TYPE/NAME) there are
    the notifications too. Raises SettingsError without prefect.yaml (Lockgate runs from its checkout) and for a block that is
    not there, UnavailableError when Prefect does not take the deployments.
    """
    from flows import heartbeats
    from flows.notifying import notify_through, remind_through

    described = ROOT / "prefect.yaml"
    if not described.exists():
        raise SettingsError(
            Problem(f"{ROOT} has no prefect.yaml", "Lockgate's own checkout", "run it from a checkout of Lockgate")
        )
    automations = list(notify_through(block)) if block else []
    _make_pool()
    _deploy_all()
    if repository:
        _preset(repository)
    heartbeats.ensure_automation()
    remind_through(block)
    names = [one["name"] for one in yaml.safe_load(described.read_text(encoding="utf-8"))["deployments"]]
    return {
        "server": os.environ["PREFECT_API_URL"], "work_pool": POOL, "deployments": names,
        "automations": [heartbeats.NAME, *automations],
    }  # fmt: skip


def _make_pool() -> None:
    """The work pool whose runs share the worker's process group, so that they cannot outlive `lockgate up`.

    Prefect starts a run in a session of its own unless the job names its command.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectNotFound
    from prefect.workers.process import ProcessWorker

    template = copy.deepcopy(ProcessWorker.get_default_base_job_template())
    template["variables"]["properties"]["command"]["default"] = f"{sys.executable} -m prefect.engine"
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
        else:
            client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))


def _deploy_all() -> None:
    done = subprocess.run(
        [program("prefect"), "--no-prompt", "deploy", "--all"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEPLOY_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        last = (done.stdout + done.stderr).strip()[-2000:]
        raise UnavailableError(
            Problem(f"`prefect deploy --all` failed: {last}", "deployments on the server", "see the server's log")
        )


def _preset(repository: str) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentUpdate

    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(RELEASE)
        client.update_deployment(found.id, DeploymentUpdate(parameters={"request": {"repository": repository}}))
