"""The way back: the move of each item, and the record of what was undone, compensated and burnt. A command does it too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from clients import git_remote, git_workspace, github_actions, github_releases
from lockgate.checkouts import release_message
from lockgate.errors import NotVisibleError, Problem, RefusedError
from lockgate.fixture import Note
from lockgate.runs import COMPLETED
from lockgate.undo import Item, Traces, is_burnt, items_of, remember, revert_lines
from planning import record
from planning.release import Release, observe_origin
from planning.undoing import look_for_traces
from tasks.work import Work, commit_fixture, poll

log = logging.getLogger(__name__)

CANCEL_SECONDS = 300.0


def look_back(release: Release) -> Traces:
    """What there is to take back, once a publish run under way was cancelled and has ended.

    Raises NotVisibleError when it does not end, UnavailableError when something does not answer.
    """
    seen = look_for_traces(release)
    if seen.is_under_way:
        cancel_run(release, seen)
        seen = look_for_traces(release)
        seen = replace(seen, cancelled=how_it_ended(seen))
        log.info("%s", seen.cancelled)
    return seen


def how_it_ended(seen: Traces) -> str:
    """Whether the publish run was cancelled in time, in one sentence."""
    where = seen.run.html_url if seen.run else "the publish run"
    if seen.on_index:
        return f"Too late: {where} had published {', '.join(seen.on_index)}."
    return f"In time: {where} was cancelled, and the index shows nothing of {seen.version}."


def cancel_run(release: Release, seen: Traces) -> None:
    """The move that ends the publish run, and waits until GitHub says that it is over; one that is over already is fine."""
    run = seen.run
    if run is None or run.status == COMPLETED:
        return
    github_actions.cancel(release.hub, run)

    def look(_waited: float) -> bool | None:
        now = github_actions.read_run(release.hub, run.id)
        return True if now is None or now.status == COMPLETED else None

    if poll(CANCEL_SECONDS, look) is None:
        raise NotVisibleError(
            Problem(
                f"{run.html_url} did not end within {CANCEL_SECONDS:.0f} s after it was cancelled", "a run that is over",
                "end it on its page, then say the same again",
            )
        )  # fmt: skip


def delete_drafts(release: Release, seen: Traces) -> None:
    """The move that deletes the drafts that were made for this release's commits; what became public meanwhile is refused."""
    for draft in seen.drafts:
        github_releases.delete_draft(release.hub, draft)
    left = [one for one in seen.drafts if github_releases.read_release(release.hub, one.id) is not None]
    if left:
        raise NotVisibleError(Problem(f"GitHub still shows {left[0].html_url}", "no such draft", "look again"))


def drop_tag(release: Release, _seen: Traces) -> None:
    """The move that deletes a tag that only the workspace has; one that is on origin by now stays."""
    if release.tag not in observe_origin(release).tags:
        git_workspace.drop_tag(release.workspace, release.tag)


def drop_commits(release: Release, _seen: Traces) -> None:
    """The move that puts the workspace back to what origin has."""
    branch = release.settings.branch
    git_workspace.start_from(release.workspace, branch, observe_origin(release).heads[branch])


def revert_commits(release: Release, seen: Traces) -> None:
    """The move that pushes one commit, on top of origin's branch, that takes the release's commits back; never forced.

    Refuses where others changed the same lines since, and a release whose tag is out by now. Raises UnavailableError when the
    branch moved meanwhile.
    """
    again = look_for_traces(release)
    if again.is_out:
        raise RefusedError(Problem(f"tag {seen.tag} is out by now", "a release before its tag", "say the same again"))
    if not again.commits:
        return
    branch = release.settings.branch
    head = observe_origin(release).heads[branch]
    subject, body = f"Give up the release of {seen.label}", revert_lines(again.commits)
    message = release_message(subject, release.settings.project, seen.version, body)
    commit = git_workspace.revert(release.workspace, branch, head, again.commits, message)
    git_remote.push_branch(release.workspace, release.origin_url, release.origin_token, commit, branch, expected=head)
    if commit != head and look_for_traces(release).commits:
        raise NotVisibleError(Problem("origin does not show the revert", f"commit {commit[:12]}", "look again"))


ACTS: dict[str, Callable[[Release, Traces], None]] = {
    "draft": delete_drafts, "tag": drop_tag, "local": drop_commits, "commits": revert_commits,
}  # fmt: skip


def take_back(release: Release, seen: Traces, wanted: Collection[str], *, by: str, note: str = "") -> tuple[Item, ...]:
    """Do the items whose keys are wanted, record what was done and what is burnt, and give the items with what became of each.

    What refuses is left, with the reason. Raises UnavailableError when something does not answer: said again, it goes on.
    """
    items = tuple(_do(release, seen, item, wanted) for item in items_of(seen) if item.key != "record")
    if seen.fixture is not None and not seen.is_finished:
        items += _record(release, seen, items, wanted, by=by, note=note)
    return items


def _do(release: Release, seen: Traces, item: Item, wanted: Collection[str]) -> Item:
    act = ACTS.get(item.key.partition(" ")[0])
    if act is None:
        return item
    if item.key not in wanted:
        return replace(item, state="left")
    try:
        act(release, seen)
    except RefusedError as error:
        return replace(item, state="left", why=str(error.problems[0]))
    log.info("%s: %s", item.what, item.does)
    return replace(item, state="done")


def _record(
    release: Release, seen: Traces, items: Sequence[Item], wanted: Collection[str], *, by: str, note: str
) -> tuple[Item, ...]:
    """Keep what was done: before the tag in a record that begins anew, as the next start does; afterwards with what is burnt."""
    if seen.fixture is None:
        return ()
    known, made = seen.fixture, remember(seen, items, by, note, record.now())
    if seen.is_out:
        record.save(release, replace(known, abort=made))
    elif known.steps or known.release_commit:
        why = Note(made.time, made.by, "was given up")
        record.begin_anew(release, replace(known, tag_pushed=False), why, made)
    else:
        record.save(release, replace(known, abort=made))
    item = next((one for one in items_of(seen) if one.key == "record"), None)
    if item is None:
        return ()
    if item.key not in wanted:
        return (replace(item, state="left"),)
    commit_fixture(Work(release, "finish"), f"Give up the release of {release.label}", is_done=is_burnt)
    return (replace(item, state="done"),)
