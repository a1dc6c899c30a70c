"""What the steps of a job do that matter outside it: build, keep artifacts, make a GitHub release, publish."""

from __future__ import annotations

import re

from sandbox.context import Context
from sandbox.publishing import (
    JobFailedError,
    Publication,
    built_files,
    compare_with_tag,
    download_release,
    is_building,
    is_comparing,
    is_downloading,
    is_publishing,
    publish,
)
from sandbox.release_store import (
    ReleaseRefusedError,
    add_asset,
    change_asset,
    create_release,
    find_release,
    publish_release,
    releases,
)
from sandbox.state import JSON
from sandbox.workflows import Workflow, file_name, options_of, steps_of

RELEASE_ACTION = re.compile(r"(softprops/action-gh-release|ncipollo/release-action|actions/create-release)@")
RELEASE_COMMAND = re.compile(r"\bgh release (create|upload|edit)\b([^\n;&|]*)")
DISTRIBUTIONS = re.compile(r"\bdist\b|\.whl\b|\.tar\.gz\b|\*")


def run_step(context: Context, workflow: Workflow, run: JSON, job: JSON, step: JSON, log: list[str]) -> None:
    """Do what the step does; raises JobFailedError when it fails. Steps that touch nothing outside just succeed."""
    if is_building(step) and _builds_for_release(workflow, run):
        files = built_files(context, run, log)
        log.append("Successfully built " + " and ".join(path.name for path in files))
    if is_downloading(step):
        download_release(context, run, log)
    if is_comparing(step):
        compare_with_tag(context, run, log)
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
    """Do what the step does of the run's GitHub release; raises JobFailedError where `gh` or GitHub refuses."""
    with context.state.lock:
        try:
            if RELEASE_ACTION.search(str(step.get("uses", ""))):
                _act_on_release(context, run, step, log)
            for command in RELEASE_COMMAND.finditer(str(step.get("run", ""))):
                _run_gh_release(context, run, command[1], command[2], log)
        except ReleaseRefusedError as error:
            raise JobFailedError(str(error)) from error


def _act_on_release(context: Context, run: JSON, step: JSON, log: list[str]) -> None:
    """The actions find the tag's release, drafts included, or make it; files of the same names are replaced."""
    options = options_of(step)
    release = _release_of(context, run) or _new_release(context, run)
    if DISTRIBUTIONS.search(f"{options.get('files', '')} {options.get('artifacts', '')}"):
        _attach(context, run, release["id"], log, clobber=True)
    if release["draft"] and options.get("draft") != "true":
        publish_release(context, release["id"], by_workflow=True)


def _run_gh_release(context: Context, run: JSON, verb: str, rest: str, log: list[str]) -> None:
    """https://cli.github.com/manual/gh_release: create refuses a public release, upload needs one and refuses known names."""
    found = _release_of(context, run)
    if verb == "create":
        if found and not found["draft"]:
            raise JobFailedError(f"a release with the same tag name already exists: {run['head_branch']}")
        found = _new_release(context, run)
    if not found:
        raise JobFailedError("release not found")
    if verb != "edit" and DISTRIBUTIONS.search(rest):
        _attach(context, run, found["id"], log, clobber="--clobber" in rest)
    public = "--draft=false" in rest if verb == "edit" else verb == "create" and "--draft" not in rest
    if found["draft"] and public:
        publish_release(context, found["id"], by_workflow=True)


def _release_of(context: Context, run: JSON) -> JSON:
    found = [release for release in releases(context) if release["tag_name"] == run["head_branch"]]
    return found[-1] if found else {}


def _new_release(context: Context, run: JSON) -> JSON:
    tag = run["head_branch"]
    fields = {"tag_name": tag, "name": tag, "target_commitish": run["head_sha"], "draft": True}
    return create_release(context, fields, by_workflow=True)


def _attach(context: Context, run: JSON, release_id: int, log: list[str], *, clobber: bool) -> None:
    """Attach what the run built to the release."""
    subject = f"attach {run['head_branch']} {file_name(run['path'])}"
    other = context.faults.take({"other-bytes"}, "github", subject) is not None
    for path in built_files(context, run, log):
        there = [one for one in find_release(context, str(release_id))["assets"] if one["name"] == path.name]
        if there and not clobber:
            raise JobFailedError(f"asset under the same name already exists: [{path.name}]")
        for one in there:
            change_asset(context, str(one["id"]), None)
        content = path.read_bytes() + (b"\0" if other else b"")
        add_asset(context, release_id, path.name, "application/octet-stream", content)
        log.append(f"Uploaded {path.name}")
