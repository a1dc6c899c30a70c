"""What the steps of a job do that matter outside it: build, keep artifacts, make a GitHub release, publish."""

from __future__ import annotations

import re

from sandbox.context import Context
from sandbox.publishing import Publication, built_files, is_building, is_publishing, publish
from sandbox.release_store import ReleaseRefusedError, add_asset, create_release, publish_release, releases
from sandbox.state import JSON
from sandbox.workflows import Workflow, options_of, steps_of

RELEASE_ACTION = re.compile(r"(softprops/action-gh-release|ncipollo/release-action|actions/create-release)@")
RELEASE_COMMAND = re.compile(r"\bgh release (create|upload|edit)\b")


def run_step(context: Context, workflow: Workflow, run: JSON, job: JSON, step: JSON, log: list[str]) -> None:
    """Do what the step does; raises JobFailedError when it fails. Steps that touch nothing outside just succeed."""
    if is_building(step) and _builds_for_release(workflow, run):
        files = built_files(context, run, log)
        log.append("Successfully built " + " and ".join(path.name for path in files))
    if "actions/upload-artifact@" in str(step.get("uses", "")):
        _keep_artifact(context, run, step)
    if _makes_release(step):
        _make_release(context, run, step, log)
    if is_publishing(step):
        publish(Publication(context, workflow, run, job), step, log)


def _builds_for_release(workflow: Workflow, run: JSON) -> bool:
    """Whether what the run builds may go out; other builds (on every push of a branch) are taken to succeed."""
    steps = [step for job in workflow.jobs.values() for step in steps_of(job)]
    goes_out = any(is_publishing(step) or _makes_release(step) for step in steps)
    return goes_out and not (run["event"] == "push" and run["ref"].startswith("refs/heads/"))


def _keep_artifact(context: Context, run: JSON, step: JSON) -> None:
    options = options_of(step)
    name = str(options.get("name", "artifact"))
    with context.state.lock:
        document = context.state.read("github/artifacts.json")
        kept = document.setdefault(str(run["id"]), [])
        if name not in [artifact["name"] for artifact in kept]:
            kept.append({"id": context.state.next_id("artifact"), "name": name, "created_at": run["updated_at"]})
        context.state.write("github/artifacts.json", document)


def _makes_release(step: JSON) -> bool:
    uses, run = str(step.get("uses", "")), str(step.get("run", ""))
    return RELEASE_ACTION.search(uses) is not None or RELEASE_COMMAND.search(run) is not None


def _make_release(context: Context, run: JSON, step: JSON, log: list[str]) -> None:
    """Create the release of the run's tag if there is none, attach the files, publish it unless it shall be a draft."""
    options = options_of(step)
    tag = str(options.get("tag_name") or options.get("tag") or run["head_branch"])
    tag = run["head_branch"] if "$" in tag else tag.removeprefix("refs/tags/")
    draft = options.get("draft") == "true" or "--draft" in str(step.get("run", ""))
    files = built_files(context, run, log)
    with context.state.lock:
        found = [release for release in releases(context) if release["tag_name"] == tag]
        fields = {"tag_name": tag, "name": tag, "target_commitish": run["head_sha"], "draft": True}
        release = found[-1] if found else create_release(context, fields, by_workflow=True)
        names = {asset["name"] for asset in release["assets"]}
        for path in files:
            if path.name not in names:
                add_asset(context, release["id"], path.name, "application/octet-stream", path.read_bytes())
                log.append(f"Uploaded {path.name}")
        if not draft and release["draft"]:
            try:
                publish_release(context, release["id"], by_workflow=True)
            except ReleaseRefusedError as error:
                log.append(f"##[warning]{error}")
