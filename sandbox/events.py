"""What a push, a release or a dispatch sets off: the rules that refuse a push, and the runs of the workflows that match.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from sandbox.context import Context
from sandbox.git_repository import ZERO
from sandbox.state import JSON, now
from sandbox.workflows import BrokenWorkflowError, Event, Workflow, file_name, is_skipped, matches, parse_workflow

PENDING_PUSH = "github/push.json"
WORKFLOWS = "github/workflows.json"
WORKFLOW_FOLDER = ".github/workflows"
MOST_TAGS_IN_A_PUSH = 3
RULE_TEXTS = {
    "creation": "Cannot create ref due to creations being restricted.",
    "update": "Cannot update this protected ref.",
    "deletion": "Cannot delete this protected ref.",
}


def run_file(run_id: int) -> str:
    """The document that holds a run."""
    return f"github/runs/{run_id}.json"


def refusals_of(context: Context, commands: list[JSON]) -> JSON:
    """GitHub's words and git's short reason when a rule refuses one of the commands; empty when all may pass.

    https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets
    """
    for command in commands:
        lines = broken_rules(context, command["ref"], _kind_of(command))
        if lines:
            shown = "".join(f"- {line}\n\n" for line in lines)
            text = f"error: GH013: Repository rule violations found for {command['ref']}.\n\n{shown}"
            return {"text": text, "reason": "push declined due to repository rule violations"}
    return {}


def _kind_of(command: JSON) -> str:
    if command["old"] == ZERO:
        return "creation"
    return "deletion" if command["new"] == ZERO else "update"


def broken_rules(context: Context, ref: str, kind: str) -> list[str]:
    """The sentences of the rules that a change of the ref breaks."""
    repository = context.repository
    lines = []
    for ruleset in repository.get("rulesets", []):
        if ruleset["enforcement"] != "active" or not _covers(ruleset, ref) or _may_bypass(ruleset):
            continue
        lines += [RULE_TEXTS[rule["type"]] for rule in ruleset["rules"] if rule["type"] == kind]
        lines += [line for rule in ruleset["rules"] for line in _name_rule(rule, ref, kind)]
    tag = ref.removeprefix("refs/tags/")
    if tag != ref and tag in repository.get("burned_tags", []):
        lines.append(RULE_TEXTS[kind])
    return lines


def _may_bypass(ruleset: JSON) -> bool:
    return ruleset.get("current_user_can_bypass", "never") in ("always", "exempt")


def _name_rule(rule: JSON, ref: str, kind: str) -> list[str]:
    """`tag_name_pattern` with the operators starts_with, ends_with, contains."""
    parameters = rule.get("parameters", {})
    if rule["type"] != "tag_name_pattern" or kind != "creation":
        return []
    name, pattern = ref.split("/", 2)[2], str(parameters.get("pattern", ""))
    operators = {"starts_with": name.startswith, "ends_with": name.endswith, "contains": name.__contains__}
    fits = operators.get(str(parameters.get("operator")), name.startswith)(pattern)
    return [] if fits != bool(parameters.get("negate")) else [f"Tag name must match a given pattern: {pattern}"]


def _covers(ruleset: JSON, ref: str) -> bool:
    kind = "refs/tags/" if ruleset["target"] == "tag" else "refs/heads/"
    if not ref.startswith(kind):
        return False
    condition = ruleset.get("conditions", {}).get("ref_name", {"include": ["~ALL"], "exclude": []})
    fits = [any(p == "~ALL" or fnmatchcase(ref, p) for p in condition.get(key, [])) for key in ("include", "exclude")]
    return fits[0] and not fits[1]


def move_main(context: Context, options: Mapping[str, Any]) -> str:
    """Let another person's commit land on the release branch; answers the commit."""
    text = str(options.get("text", f"written at {time.time_ns()}\n"))
    path = str(options.get("path", "ANOTHER.md"))
    message = str(options.get("message", "Work of another person"))
    with context.state.lock:
        before = context.origin.refs()
        commit = context.origin.commit_file(context.default_branch, path, text, message)
        what = f"another person moved {context.default_branch}"
        context.state.record_change("origin", "PUSH", path, 200, what)
        after_push(context, before, context.origin.refs())
    return commit


def after_push(context: Context, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Start the workflows of every branch or tag that differs between the two sets of refs."""
    changed = [ref for ref in after if before.get(ref) != after[ref]]
    new_tags = [ref for ref in changed if ref.startswith("refs/tags/")]
    for ref in changed:
        if ref in new_tags and len(new_tags) > MOST_TAGS_IN_A_PUSH:
            continue
        sha = context.origin.commit_of(after[ref])
        if sha is None:
            continue
        old = before.get(ref, ZERO)
        files = None if ref in new_tags else tuple(context.origin.changed_files(old, sha))
        if not is_skipped(context.origin.message(sha)):
            start_workflows(context, Event("push", ref, sha, changed=files))
        if ref not in before:
            start_workflows(context, Event("create", ref, sha))


def finish_interrupted_push(context: Context) -> None:
    """Start what a push would have started, had the sandbox not been killed in the middle of it."""
    pending = context.state.read(PENDING_PUSH)
    if pending:
        known = {(run["event"], run["ref"], run["head_sha"]) for run in context.state.all("github/runs")}
        before, after = pending["before"], context.origin.refs()
        lost = {ref: sha for ref, sha in after.items() if ("push", ref, context.origin.commit_of(sha)) not in known}
        after_push(context, before, lost)
        context.state.remove(PENDING_PUSH)


def release_event(context: Context, release: JSON, *activities: str) -> None:
    """Start the workflows for what happened to a published release."""
    ref = f"refs/tags/{release['tag_name']}"
    sha = context.origin.commit_of(ref)
    if sha is None:
        return
    payload = {key: release[key] for key in ("id", "tag_name", "draft", "prerelease", "name", "target_commitish")}
    for activity in activities:
        start_workflows(context, Event("release", ref, sha, activity, payload=payload))


def workflow_files(context: Context, sha: str) -> list[str]:
    """The paths of the workflow files at a commit, by name."""
    files = context.origin.folder_files(sha, WORKFLOW_FOLDER)
    return sorted(path for path in files if path.endswith((".yml", ".yaml")))


def workflow_entry(context: Context, path: str) -> JSON:
    """Id and state of a workflow; a file that was never seen gets its id now."""
    with context.state.lock:
        document = context.state.read(WORKFLOWS)
        if path not in document:
            document[path] = {"id": context.state.next_id("workflow"), "state": "active", "created_at": now()}
            context.state.write(WORKFLOWS, document)
        entry: JSON = document[path]
        return entry


def start_workflows(context: Context, event: Event) -> list[int]:
    """Start a run of every enabled workflow at the event's commit that the event matches; answers the runs' ids."""
    started = []
    for path in workflow_files(context, event.sha):
        if workflow_entry(context, path)["state"] != "active":
            continue
        text = context.origin.file_text(event.sha, path) or ""
        try:
            workflow = parse_workflow(path, text)
        except BrokenWorkflowError as error:
            if event.name == "push":
                started.append(_create_broken_run(context, event, path, str(error)))
            continue
        if matches(workflow, event):
            started += start_run(context, workflow, event)
    return started


def start_run(context: Context, workflow: Workflow, event: Event) -> list[int]:
    """Make one run and have it executed, unless a fault says that none appears."""
    subject = f"{event.name} {event.ref} {file_name(workflow.path)}"
    if context.faults.take({"missing-run"}, "github", subject):
        return []
    hidden = context.faults.take({"hidden-run"}, "github", subject)
    run = _new_run(context, event, workflow.path, workflow.name)
    run["hidden_lookups"] = int(hidden.options.get("lookups", 3)) if hidden else 0
    context.state.write(run_file(run["id"]), run)
    context.start_run(run["id"])
    return [run["id"]]


def _create_broken_run(context: Context, event: Event, path: str, error: str) -> int:
    run = _new_run(context, event, path, path)
    run |= {"status": "completed", "conclusion": "failure", "broken": error}
    context.state.write(run_file(run["id"]), run)
    return int(run["id"])


def _new_run(context: Context, event: Event, path: str, name: str) -> JSON:
    run_id = context.state.next_id("run")
    time_now = now()
    title = context.origin.message(event.sha).splitlines()[0] if event.name != "release" else event.payload["name"]
    return {
        "id": run_id,
        "run_number": context.state.next_id(f"run-number-{path}") - 90_000,
        "run_attempt": 1,
        "workflow_id": workflow_entry(context, path)["id"],
        "path": path,
        "name": name,
        "display_title": title or event.ref.split("/", 2)[2],
        "event": event.name,
        "activity": event.activity,
        "ref": event.ref,
        "head_branch": event.ref.split("/", 2)[2],
        "head_sha": event.sha,
        "inputs": event.inputs,
        "payload": event.payload,
        "status": "queued",
        "conclusion": None,
        "created_at": time_now,
        "updated_at": time_now,
        "run_started_at": time_now,
        "jobs": [],
        "approvals": [],
        "attempts": [],
        "hidden_lookups": 0,
    }
