"""Who makes the GitHub release of a tag and uploads its assets: Lockgate, or a workflow that the same tag starts.

One party does each. What a workflow does, step 8 leaves to it; step 10 waits until that workflow's run has ended, does
what it left undone, and compares every file by its digest before anything is called released.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockgate.errors import Problem
from lockgate.workflow_events import Event, dispatch_event, events_of
from lockgate.workflow_files import Job, Step, Workflow
from lockgate.workflow_search import PublishWorkflow, read_files, running_steps
from lockgate.workflow_uploads import attaches_assets, creates_release

RELEASE = "release"
_OTHER_TOKEN = re.compile(r"\bsecrets\.(?!GITHUB_TOKEN\b)|\boutputs\.[\w-]*token", re.IGNORECASE)
"""A token that is not the run's: a secret's, or an app's from an earlier step."""


@dataclass(frozen=True, slots=True)
class ReleasePart:
    """What one workflow does of the GitHub release at one event; `event` is GitHub's name of it, `words` a sentence's.

    `denied` says that the permissions of a job in it keep its token from doing that.
    """

    path: str
    event: str
    words: str
    creates: bool
    attaches: bool
    denied: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseShare:
    """What is left to workflows: `created_by` makes the release, `attached_by` uploads its assets.

    `beside` are workflows that upload to it although Lockgate does: at its publication, or where the publishing job takes the
    assets and so finds them there. `awaited` are all those whose runs step 9 does not follow.
    """

    created_by: tuple[ReleasePart, ...] = ()
    attached_by: tuple[ReleasePart, ...] = ()
    beside: tuple[ReleasePart, ...] = ()
    awaited: tuple[ReleasePart, ...] = ()

    @property
    def leaves_release(self) -> bool:
        """Whether step 8 makes no draft, because a workflow makes the release."""
        return bool(self.created_by)

    @property
    def leaves_assets(self) -> bool:
        """Whether step 8 uploads nothing, because a workflow does."""
        return bool(self.created_by or self.attached_by)

    @property
    def words(self) -> str:
        """Who does what instead of step 8, in half a sentence; "" when nobody does."""
        made = _paths(self.created_by)
        if made:
            return f"{made} makes the GitHub release and its assets"
        return f"{_paths(self.attached_by)} uploads the release's assets" if self.attached_by else ""


def share_release(files: Mapping[str, str], publish: PublishWorkflow, *, tag: str, repository: str) -> ReleaseShare:
    """What the workflows among these files do of the release of this tag, at every event that the release causes.

    Where the publishing job takes the release's assets they must be there before it runs, so nobody is left to upload them.
    """
    workflows, _ = read_files(files)
    parts = [part for one in workflows for part in _parts(one, workflows, publish, tag=tag, repository=repository)]
    early = [part for part in parts if part.event != RELEASE or _starts_publishing(part, publish)]
    created = tuple(part for part in early if part.creates)
    attaching = [part for part in parts if part.attaches and part not in created]
    attached = tuple(part for part in attaching if part in early and not publish.downloads_assets)
    beside = tuple(part for part in attaching if part not in attached)
    followed = [part for part in early if part.path == publish.path]
    return ReleaseShare(created, attached, beside, tuple(part for part in parts if part not in followed))


def check_share(
    share: ReleaseShare, publish: PublishWorkflow, *, immutable: bool | None
) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """What would make two releases or one without its files, and what a person should know.

    `immutable` says whether releases are frozen once they are public; None when that is not known.
    """
    problems = [*_two_makers(share, publish), *_too_late_for_publishing(share, publish)]
    warnings = []
    if share.words:
        warnings.append(
            f"{share.words}: step 8 leaves that to it. Step 10 waits for its run, uploads what is missing, and compares"
            " every file by its digest"
        )
    there = "where the built files are already: they are compared again after its run"
    warnings += [f"{part.path} uploads to the release at {part.words}, {there}" for part in share.beside]
    warnings += [_denied(part) for part in (*share.created_by, *share.attached_by, *share.beside) if part.denied]
    late = [part for part in (*share.attached_by, *share.beside) if part.event == RELEASE]
    bare = [part for part in share.created_by if not part.attaches]
    for part in dict.fromkeys((*late, *bare)):
        if immutable:
            problems.append(_frozen(part))
        elif immutable is None:
            warnings.append(f"{part.path} needs releases that are not immutable, and whether they are cannot be seen")
    return tuple(problems), tuple(warnings)


def _parts(
    workflow: Workflow, workflows: Sequence[Workflow], publish: PublishWorkflow, *, tag: str, repository: str
) -> list[ReleasePart]:
    events = list(events_of(workflow, tag=tag, repository=repository))
    by_hand = dispatch_event(workflow, tag=tag, repository=repository, inputs=publish.inputs)
    if workflow.path == publish.path and publish.trigger == "dispatch" and by_hand:
        events.append(by_hand)
    found: dict[str, ReleasePart] = {}
    for event in events:
        steps = _steps(workflow, workflows, event)
        # A workflow that a published release starts cannot be left to create it.
        creates = event.name != RELEASE and any(creates_release(step) for step in steps)
        attaches = any(attaches_assets(step) for step in steps)
        if (creates or attaches) and event.name not in found:
            denied = any(_lacks_rights(workflow, job, step) for job, step in running_steps(workflow, event))
            found[event.name] = ReleasePart(workflow.path, event.name, event.words, creates, attaches, denied)
    return list(found.values())


def _lacks_rights(workflow: Workflow, job: Job, step: Step) -> bool:
    """Whether a step that touches the release has the run's token only, and its job's permissions forbid that token to."""
    if workflow.may_write(job, "contents") is not False or not (creates_release(step) or attaches_assets(step)):
        return False
    given = (*workflow.env.values(), *job.env.values(), *step.env.values(), *step.inputs.values(), step.run)
    return not _OTHER_TOKEN.search(" ".join(given))


def _steps(workflow: Workflow, workflows: Sequence[Workflow], event: Event) -> list[Step]:
    """The steps that may run at an event, those of called workflows of the same repository among them."""
    own = running_steps(workflow, event)
    called = {job.uses.removeprefix("./") for job in workflow.jobs.values() if job.uses.startswith("./")}
    inside = [step for one in workflows if one.path in called for job in one.jobs.values() for step in job.steps]
    return [*(step for _, step in own), *inside]


def _starts_publishing(part: ReleasePart, publish: PublishWorkflow) -> bool:
    return part.path == publish.path and publish.trigger == "release"


def _two_makers(share: ReleaseShare, publish: PublishWorkflow) -> list[Problem]:
    if not share.created_by:
        return []
    made = _paths(share.created_by)
    expected = "one maker of the release"
    if len({part.path for part in share.created_by}) > 1:
        return [Problem(f"{made} each make the GitHub release", expected, "leave it to one of them, or to Lockgate")]
    if publish.trigger == "release":
        return [
            Problem(
                f"{made} makes the GitHub release when the tag is pushed, and {publish.path} starts when Lockgate publishes it",
                f"{expected}: a release made with a workflow's own token starts no other workflow",
                f"take the creation out of {made}: Lockgate makes the release",
            )
        ]
    return []


def _too_late_for_publishing(share: ReleaseShare, publish: PublishWorkflow) -> list[Problem]:
    if not share.created_by or not publish.downloads_assets:
        return []
    made = _paths(share.created_by)
    return [
        Problem(
            f"{publish.path} publishes the release's assets, and {made} makes that release, not before that",
            "a release whose assets are there before they are published",
            f"take the creation out of {made}: Lockgate makes the release and uploads the built files before the tag",
        )
    ]


def _denied(part: ReleasePart) -> str:
    return (
        f"{part.path} changes the release in a job without `permissions: contents: write`, so GitHub will refuse it and the"
        " run will fail after the tag: add it to that job"
    )


def _frozen(part: ReleasePart) -> Problem:
    what = (
        "uploads to the release after it is public" if part.event == RELEASE else "makes the release without its files"
    )
    return Problem(
        f"{part.path} {what}, and this repository's releases are immutable from then on",
        "assets that are there before the release is public",
        f"take that out of {part.path}: Lockgate makes the draft, uploads the built files, and publishes it",
    )


def _paths(parts: Sequence[ReleasePart]) -> str:
    return " and ".join(dict.fromkeys(part.path for part in parts))
