"""The way back: what a release left in the world, and what is done about each thing when it is given up.

Three kinds. *Undone*: nobody but Lockgate ever saw it, or GitHub can start it again. *Compensated*: it is public, and something
public is put beside it. *Burnt*: it can never be used again, so it is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lockgate.checkouts import TRAILER, allowed
from lockgate.errors import Problem
from lockgate.fixture import Abort, Fixture, is_complete
from lockgate.github import GithubRelease, Run
from lockgate.markdown import prose
from lockgate.repository import Commit
from lockgate.runs import COMPLETED
from lockgate.texts import one_line

Kind = Literal["undone", "compensated", "burnt"]
State = Literal["there", "done", "left"]
SHORT = 12
LONGEST_NOTE = 200
_REVERTED = re.compile(r"^This reverts commit ([0-9a-f]{40,64})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a release left: `what` is there, and what Lockgate `does` about it ("": nothing, it is told).

    What is `irreversible` is done only when a person says so. `why` tells what kept it from being done.
    """

    key: str
    kind: Kind
    what: str
    does: str = ""
    irreversible: bool = False
    state: State = "there"
    why: str = ""

    @property
    def sentence(self) -> str:
        """What is there, and what became of it or will."""
        if not self.does:
            return self.what
        if self.state == "done":
            return f"{self.what}: done ({self.does})"
        ask = "asks first: " if self.irreversible and self.state == "there" else ""
        return f"{self.what}: {'left as it is' if self.state == 'left' else ask + self.does}{self.why and f' ({self.why})'}"


@dataclass(frozen=True, slots=True)
class Traces:
    """What is seen of a release everywhere: origin, the workspace, GitHub and the index.

    `commits` are Lockgate's own of this version on origin's branch that nothing takes back, the newest first; `local` the
    workspace's that origin does not have. `tagged` is the commit of origin's tag, `kept_tag` a tag that only the workspace has.
    `drafts` are those of this release's commits; `published` is its public release. `following` is the version to take
    next. `cancelled` says of a publish run that was cancelled just now whether that was in time.
    """

    label: str
    version: str
    tag: str
    branch: str
    following: str
    fixture: Fixture | None = None
    commits: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    tagged: str = ""
    kept_tag: bool = False
    drafts: tuple[GithubRelease, ...] = ()
    published: GithubRelease | None = None
    run: Run | None = None
    on_index: tuple[str, ...] = ()
    yank_page: str = ""
    record_is_out: bool = False
    cancelled: str = ""

    @property
    def is_out(self) -> bool:
        """Whether the point of no return was passed.

        The record notes the tag before it is pushed, so that alone does not say it: the tag, its run or a finished step does.
        """
        finished = self.fixture is not None and self.fixture.finished("export")
        return bool(self.tagged or self.on_index or self.run) or finished

    @property
    def is_under_way(self) -> bool:
        """Whether the publish run is not over."""
        return self.run is not None and self.run.status != COMPLETED

    @property
    def is_finished(self) -> bool:
        """Whether it went through all its steps: then there is nothing to give up."""
        return self.fixture is not None and is_complete(self.fixture) and bool(self.on_index)


def items_of(seen: Traces) -> tuple[Item, ...]:
    """Everything that is to be undone, compensated or told, in the order in which it is done."""
    items = [*_undone(seen), *_compensated(seen), *_burnt(seen)]
    return tuple(items)


def _undone(seen: Traces) -> list[Item]:
    items = [Item("run", "undone", seen.cancelled, state="done")] if seen.cancelled else []
    if seen.is_under_way and seen.run is not None:
        items.append(Item("run", "undone", f"the publish run {seen.run.html_url} is under way", "cancel it"))
    if not seen.on_index:
        items += [
            Item(
                f"draft {one.id}",
                "undone",
                f"a draft release with {_count(len(one.assets), 'file')}: {one.html_url}",
                "delete it",
            )
            for one in seen.drafts
        ]
    if seen.kept_tag:
        items.append(Item("tag", "undone", f"the tag {seen.tag}, which only the workspace has", "delete it there"))
    if seen.local:
        what = f"{_count(len(seen.local), 'commit')} that only the workspace has ({_shas(seen.local)})"
        items.append(Item("local", "undone", what, f"put the workspace back to origin's {seen.branch!r}"))
    return items


def _compensated(seen: Traces) -> list[Item]:
    items = []
    if seen.commits and not seen.is_out:
        what = f"{_count(len(seen.commits), 'commit')} on origin's {seen.branch!r} ({_shas(seen.commits)})"
        items.append(Item("commits", "compensated", what, "push one commit that reverts them", irreversible=True))
    if seen.is_out and seen.record_is_out and not seen.on_index:
        what = f"the record on origin's {seen.branch!r} does not say that {seen.version} was given up"
        items.append(Item("record", "compensated", what, "push a commit with that in it", irreversible=True))
    if seen.published is not None and not seen.on_index and not seen.published.immutable:
        told = f"the release {seen.published.html_url} is public: make it a draft, or say on it that {seen.version} was given up"
        items.append(Item("release", "compensated", told))
    if seen.on_index:
        told = f"yank {seen.version} on the index by hand, so that nobody installs it unasked: {seen.yank_page}"
        items.append(Item("yank", "compensated", f"{told}; as the reason: {yank_reason(seen)}"))
    if seen.is_out:
        items.append(Item("next", "compensated", f"the version to take next is {seen.following}"))
    return items


def _burnt(seen: Traces) -> list[Item]:
    items = []
    if seen.tagged:
        frozen = " and used by an immutable release" if seen.published and seen.published.immutable else ""
        what = f"tag {seen.tag} is on origin at {seen.tagged[:SHORT]}{frozen}: no tag is moved or used again"
        items.append(Item("tagged", "burnt", what))
    elif seen.is_out and not seen.on_index:
        items.append(Item("tagged", "burnt", f"tag {seen.tag} was pushed once: it is not used again"))
    if seen.on_index:
        what = f"on the index for ever, under names that it never takes again: {', '.join(seen.on_index)}"
        items.append(Item("files", "burnt", what))
    return items


def yank_reason(seen: Traces) -> str:
    """The text to give the index with a yank."""
    return f"{seen.version} was given up; use {seen.following}"


def own_commits(found: Sequence[Commit], project: str, version: str, patterns: Collection[str]) -> tuple[Commit, ...]:
    """Those of these commits that may be Lockgate's for this version: with its line in the message, and release files only.

    Anybody can write that line, so it only names the version: whose the commits are has to be proved beside it.
    """
    line = f"{TRAILER}: {project} {version}"
    return tuple(
        one
        for one in found
        if line in one.message.split("\n") and len(one.parents) < 2 and not _REVERTED.search(one.message)
        and all(allowed(path, tuple(patterns)) for path in one.paths)
    )  # fmt: skip


def taken_back(since: Sequence[Commit]) -> frozenset[str]:
    """The commits that these later ones say they revert, as git writes it."""
    return frozenset(sha for one in since for sha in _REVERTED.findall(one.message))


def revert_lines(commits: Sequence[str]) -> str:
    """The body of the message of a commit that takes these back, in git's own words for it."""
    return "\n".join(f"This reverts commit {sha}." for sha in commits)


def check_taken_back(commit: str, since: Sequence[Commit], version: str) -> tuple[Problem, ...]:
    """Refuse a release commit that a later one reverts: what it states is not what the branch states any more."""
    if commit not in taken_back(since):
        return ()
    reverting = next(one for one in since if commit in taken_back((one,)))
    return (
        Problem(
            f"commit {reverting.sha[:SHORT]} on origin takes the release commit {commit[:SHORT]} back",
            "the release commit, in force on the release branch",
            f"release it anew: lockgate release {version} --restart",
        ),
    )


def check_burnt(fixture: Fixture | None, on_index: Mapping[str, str]) -> tuple[Problem, ...]:
    """Refuse a version that was given up after its tag was out, unless all of its files are on the index after all."""
    if fixture is None or fixture.abort is None or not is_burnt(fixture):
        return ()
    if fixture.artifacts and all(one.name in on_index for one in fixture.artifacts):
        return ()
    said = "; ".join(fixture.abort.burnt)
    return (
        Problem(
            f"{fixture.version} was given up by {fixture.abort.by or 'somebody'} at {fixture.abort.time} and is burnt: {said}",
            "a version that was never out",
            "take the next version",
        ),
    )


def is_burnt(fixture: Fixture) -> bool:
    """Whether this record says that the release was given up after its tag."""
    return fixture.abort is not None and bool(fixture.abort.burnt)


def remember(seen: Traces, items: Sequence[Item], by: str, note: str, time: str) -> Abort:
    """What is recorded of a release that was given up; what an earlier attempt at that did stays."""
    done = {
        kind: tuple(one.what for one in items if one.kind == kind and one.state == "done")
        for kind in ("undone", "compensated")
    }
    before = seen.fixture.abort if seen.fixture else None
    burnt = tuple(one.what for one in items if one.kind == "burnt")
    who, said = one_line(by, LONGEST_NOTE), one_line(note, LONGEST_NOTE)
    made = Abort(time, who, said, done["undone"], done["compensated"], burnt)
    if before is None:
        return made
    return replace(
        before, undone=before.undone + made.undone, compensated=before.compensated + made.compensated,
        burnt=tuple(dict.fromkeys(before.burnt + made.burnt)),
    )  # fmt: skip


def listed(items: Sequence[Item]) -> str:
    """The items as a Markdown list, by kind."""
    rows = [f"- *{one.kind}*: {prose(one.sentence)}" for one in items]
    return "\n".join(rows) or "It left nothing behind."


def gave_up(seen: Traces, items: Sequence[Item], by: str, go_on: str, undo: str) -> Problem:
    """That a release was given up, what became of each thing, and what can be done next."""
    told = "; ".join(one.sentence for one in items) or "it had left nothing behind"
    left = [one for one in items if one.state == "left"]
    rest = f"take back the rest: `{undo}`; " if left else ""
    then = f"take {seen.following} next" if seen.is_out else f"begin it anew when it is right: `{go_on}`"
    return Problem(
        f"{one_line(by) or 'somebody'} gave {seen.label} up: {told}", "a release that somebody wants", rest + then
    )


def stays(seen: Traces, go_on: str, undo: str) -> Problem | None:
    """What a release that stopped leaves where, and how to go on or take it back; None when it left nothing outside."""
    left = [one.what for one in items_of(seen) if one.key not in {"next", "yank", "record", "release"}]
    if not left:
        return None
    return Problem(
        f"{seen.label} left behind: {'; '.join(left)}", "that it is finished, or taken back",
        f"start it again: `{go_on}`; or take it back: `{undo}`, which lists what it does and asks before what is public",
    )  # fmt: skip


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _shas(commits: Sequence[str]) -> str:
    return ", ".join(one[:SHORT] for one in commits)
