"""The events a release causes on GitHub, and which of them start a workflow.

Source: "Events that trigger workflows" in GitHub's reference (push, release, workflow_dispatch).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from packaging.version import Version

from lockgate.workflow_files import Workflow
from lockgate.workflow_inputs import input_values, missing_inputs
from lockgate.workflow_patterns import as_list, push_takes_tag

Trigger = Literal["tag", "release", "dispatch"]

# A release leaves the state of a draft here. GitHub then sends `published` and, unless it is a pre-release, `released`;
# it sends `created` only for releases that never were drafts, and `prereleased` not for former drafts.
SENT_FOR_PUBLISHED_DRAFT = ("published", "released")

SKIP_INSTRUCTIONS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")
_SKIP_TRAILER = re.compile(r"^skip-checks:\s*true\s*$", re.IGNORECASE | re.MULTILINE)
_CALLED_BY = {
    "workflow_call": "when another workflow calls it",
    "workflow_run": "after another workflow",
    "workflow_dispatch": "by hand",
    "repository_dispatch": "by a call of GitHub's API",
    "schedule": "on a schedule",
    "pull_request": "for pull requests",
    "pull_request_target": "for pull requests",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event that the release of this tag causes; `activity` is the type of a release event, `inputs` those of a dispatch."""

    trigger: Trigger
    activity: str
    tag: str
    repository: str
    inputs: Mapping[str, str | bool]

    @property
    def name(self) -> str:
        """GitHub's name of the event."""
        return {"tag": "push", "release": "release", "dispatch": "workflow_dispatch"}[self.trigger]

    @property
    def words(self) -> str:
        """The event as a sentence names it."""
        return {
            "tag": f"the push of tag {self.tag}",
            "release": f"the publication of release {self.tag} ({self.activity})",
            "dispatch": f"a dispatch at tag {self.tag}",
        }[self.trigger]


def events_of(workflow: Workflow, *, tag: str, repository: str) -> tuple[Event, ...]:
    """The events of this release that start the workflow: the tag's push first, then each activity of the release."""
    events: list[Event] = []
    if "push" in workflow.triggers and push_takes_tag(workflow.triggers["push"], tag):
        events.append(Event("tag", "", tag, repository, {}))
    if "release" in workflow.triggers:
        wanted = _release_types(workflow.triggers["release"])
        sent = SENT_FOR_PUBLISHED_DRAFT[: 1 if is_prerelease_tag(tag) else 2]
        events.extend(Event("release", activity, tag, repository, {}) for activity in sent if activity in wanted)
    return tuple(events)


def dispatch_event(
    workflow: Workflow, *, tag: str, repository: str, inputs: Mapping[str, str] | None = None
) -> Event | None:
    """The event of starting the workflow by hand at the tag with these inputs; None when it cannot be, or asks for another."""
    if "workflow_dispatch" not in workflow.triggers or missing_inputs(workflow, inputs or {}):
        return None
    return Event("dispatch", "", tag, repository, input_values(workflow, inputs or {}))


def why_not_started(workflow: Workflow, tag: str) -> str:
    """A half sentence that says when the workflow runs instead of at the release of this tag."""
    reasons: list[str] = []
    if "push" in workflow.triggers:
        reasons.append(_why_not_pushed(workflow.triggers["push"], tag))
    if "release" in workflow.triggers:
        reasons.append(_why_not_released(_release_types(workflow.triggers["release"]), tag))
    reasons.extend(words for name, words in _CALLED_BY.items() if name in workflow.triggers)
    if not reasons:
        return "its `on:` names no event of a release"
    return f"it runs only {' and '.join(dict.fromkeys(reasons))}"


def skip_instruction(message: str) -> str | None:
    """The text in a commit message that makes GitHub start no workflow for it, tags included; None without one.

    Source: "Skipping workflow runs" in GitHub's documentation.
    """
    lowered = message.lower()
    for instruction in SKIP_INSTRUCTIONS:
        if instruction in lowered:
            return instruction
    trailer = _SKIP_TRAILER.search(message)
    return trailer.group().strip() if trailer else None


def is_prerelease_tag(tag: str) -> bool:
    """Whether the version in a tag is a pre-release; False when no version can be read from it."""
    number = re.search(r"\d.*", tag)
    try:
        return number is not None and Version(number.group()).is_prerelease
    except ValueError:
        return False


def _release_types(filters: Mapping[str, Any]) -> tuple[str, ...]:
    return as_list(filters["types"]) if "types" in filters else SENT_FOR_PUBLISHED_DRAFT


def _why_not_pushed(filters: Mapping[str, Any], tag: str) -> str:
    if "tags" in filters:
        return f"for pushed tags that match {_listed(as_list(filters['tags']))}, not {tag!r}"
    if "tags-ignore" in filters:
        return f"for pushed tags except {_listed(as_list(filters['tags-ignore']))}, which takes out {tag!r}"
    return "for pushed branches, not for tags"


def _why_not_released(types: tuple[str, ...], tag: str) -> str:
    listed = _listed(types)
    if is_prerelease_tag(tag) and "released" in types:
        return f"for the release types {listed}, of which GitHub sends none for a pre-release"
    return f"for the release types {listed}, of which GitHub sends none when a draft is published"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names)) or "nothing"
