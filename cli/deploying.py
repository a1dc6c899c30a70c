"""What `lockgate up` sets up on Prefect's server: work pool, deployments, automations."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

from cli.services import program
from lockgate.errors import Problem, SettingsError, UnavailableError

ROOT = Path(__file__).parent.parent
POOL = "lockgate"
RELEASE = "release/release"
DEPLOY_SECONDS = 180


def deploy(repository: str) -> None:
    """Make or update work pool, deployments of prefect.yaml, automation on missed heartbeats, and the reminders' schedule.

    `repository` becomes the default in the form of the release; "" leaves the form empty. Raises SettingsError without
    prefect.yaml (Lockgate runs from its checkout), UnavailableError when Prefect does not take the deployments.
    """
    from flows.heartbeats import ensure_automation
    from flows.notifying import remind_through

    if not (ROOT / "prefect.yaml").exists():
        raise SettingsError(
            Problem(f"{ROOT} has no prefect.yaml", "Lockgate's own checkout", "run it from a checkout of Lockgate")
        )
    _make_pool()
    _deploy_all()
    if repository:
        _preset(repository)
    ensure_automation()
    remind_through("")


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
