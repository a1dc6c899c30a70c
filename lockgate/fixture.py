"""The release fixture: one JSON file per release, the durable record that is committed to the released repository.

Its text is ordered and stable, so that a diff shows what a step learned. It is valid against `fixture.schema.json` after
every step.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from packaging.version import Version

from lockgate.approvals import Approval
from lockgate.artifacts import Artifact
from lockgate.documents import read_json
from lockgate.errors import refused

SCHEMA = 2
PROOF = "proof"
StepOutcome = Literal["done", "already done", "not needed"]


@dataclass(frozen=True, slots=True)
class StepTime:
    """When a step was first started and when it was finished (ISO 8601, UTC; empty when it is not)."""

    key: str
    started: str
    finished: str = ""


@dataclass(frozen=True, slots=True)
class TestEvidence:
    """That the complete test suite was run for exactly this commit: by us, on GitHub, or elsewhere as a person says."""

    __test__ = False

    commit: str
    how: Literal["command", "checks", "evidence"]
    command: str = ""
    exit_code: int | None = None
    seconds: float | None = None
    log_sha256: str = ""
    source: str = ""
    by: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is evidence for the commit, and not against it."""
        return self.exit_code in {None, 0}

    @property
    def sentence(self) -> str:
        """Where the tests of which commit ran, and how they ended."""
        commit, ended = self.commit[:12], "passed" if self.passed else "did not pass"
        if self.how == "command":
            return f"`{self.command}` {ended} in {self.seconds} s on {commit}"
        if self.how == "checks":
            return f"GitHub's checks {ended} on {commit}: {self.source or self.command}"
        return f"{self.by or 'a person'} says that they {ended} on {commit}{': ' if self.source else ''}{self.source}"


@dataclass(frozen=True, slots=True)
class Claims:
    """The Trusted Publisher claims that the publish run presents; `moved_from` is the publisher before, where it was another."""

    owner: str
    repository: str
    workflow: str
    environment: str
    ref: str
    moved_from: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """The publish workflow's run; its conclusion is empty until it was judged, "success" only when it published."""

    id: int
    attempt: int
    url: str
    event: str
    conclusion: str


@dataclass(frozen=True, slots=True)
class PublishLog:
    """The publish run's logs: the archive's digest and the lines that tell of uploads.

    `gone` when there was nothing to keep, and `why`.
    """

    sha256: str
    size: int
    uploads: tuple[str, ...]
    gone: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody decided besides the questions, and when: the release begins anew, or goes on with an older commit."""

    time: str
    by: str
    what: str


@dataclass(frozen=True, slots=True)
class Abort:
    """That the release was given up: when (ISO 8601, UTC), by whom and why, what was taken back, and what is burnt."""

    time: str
    by: str
    note: str = ""
    undone: tuple[str, ...] = ()
    compensated: tuple[str, ...] = ()
    burnt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fixture:
    """All that is recorded of one release. Values are empty until the step that learns them."""

    project: str
    version: str
    repository: str
    branch: str
    tag: str
    tool: str
    requested: str = ""
    requested_by: str = ""
    previous_version: str = ""
    previous_commit: str = ""
    restarts: int = 0
    base_commit: str = ""
    release_commit: str = ""
    isolation: str = ""
    build_requirements: tuple[str, ...] = ()
    sbom: str = ""
    artifacts: tuple[Artifact, ...] = ()
    tests: TestEvidence | None = None
    publisher: Claims | None = None
    tag_pushed: bool = False
    workflow_run: WorkflowRun | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    index_files: Mapping[str, str] = field(default_factory=dict)
    log: PublishLog | None = None
    approvals: tuple[Approval, ...] = ()
    steps: tuple[StepTime, ...] = ()
    notes: tuple[Note, ...] = ()
    abort: Abort | None = None

    @property
    def tagged(self) -> bool:
        """Whether the tag was pushed, as far as this record knows: the point of no return."""
        return self.tag_pushed or self.finished("export")

    def finished(self, key: str) -> bool:
        """Whether this step was finished at least once."""
        return any(one.key == key and one.finished for one in self.steps)

    def started(self, key: str, time: str) -> Fixture:
        """With the step's start noted; the first start stays."""
        if any(one.key == key for one in self.steps):
            return self
        return replace(self, steps=(*self.steps, StepTime(key, time)))

    def ended(self, key: str, time: str) -> Fixture:
        """With the step's end noted; the first end stays."""
        steps = tuple(replace(one, finished=time) if one.key == key and not one.finished else one for one in self.steps)
        return replace(self, steps=steps)

    def approved(self, approval: Approval) -> Fixture:
        """With one more answer."""
        return replace(self, approvals=(*self.approvals, approval))

    def noted(self, note: Note) -> Fixture:
        """With one more note."""
        return replace(self, notes=(*self.notes, note))

    def for_commit(self, commit: str) -> Fixture:
        """For this release commit: what was learned of another one does not count any more."""
        if commit == self.release_commit:
            return self
        keep = tuple(one for one in self.steps if one.key in {"start", "version", "migrations", "pre-release"})
        return replace(
            self, release_commit=commit, isolation="", build_requirements=(), sbom="", artifacts=(), tests=None, publisher=None,
            tag_pushed=False, workflow_run=None, urls={}, index_files={}, log=None, steps=keep,
        )  # fmt: skip


def to_json(fixture: Fixture, proof: Mapping[str, Any] | None = None) -> str:
    """The fixture's text, with the envelope that proves it if there is one: fixed order, two spaces, one final newline."""
    data = {"schema": SCHEMA, **dataclasses.asdict(fixture), PROOF: proof}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> Fixture:
    """The fixture of this text, as somebody wrote it: whether it is proved says `lockgate.statements`.

    Refuses what is no JSON object, another schema number, and missing or unknown fields: a record that is not understood
    completely is not trusted.
    """
    try:
        data = read_json(text)
        return _fixture(_of_this_schema(data))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise refused(
            f"the release fixture cannot be read: {error}",
            f"JSON that this Lockgate wrote (schema {SCHEMA})",
            "restore the file from the repository's history, or use the Lockgate that wrote it",
        ) from error


def _of_this_schema(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a record; one of the schema before had a field more, and no proof."""
    written = data.pop("schema", None)
    if written == 1:
        data.pop("base_version", None)
    elif written != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    data.pop(PROOF, None)
    return data


def named_version(path: str, pattern: str) -> str:
    """The version that a path names as a fixture's, by the setting's pattern; "" for a path that is no fixture's."""
    expression = re.escape(pattern).replace(re.escape("{version}"), "([^/]+)")
    found = re.fullmatch(expression, path)
    return found[1] if found and found.groups() else ""


def more_advanced(one: Fixture | None, other: Fixture | None) -> Fixture | None:
    """Of two records of the same release the one that more is known in; the first when they are even."""
    if one is None or other is None:
        return one or other
    return other if _progress(other) > _progress(one) else one


def is_complete(fixture: Fixture) -> bool:
    """Whether the release went through all its steps."""
    return fixture.finished("logs")


def published_versions(fixtures: Iterable[Fixture]) -> frozenset[Version]:
    """The versions that were seen on the index, as these fixtures record; of whose version is none there is nothing."""
    return frozenset(Version(one.version) for one in fixtures if one.index_files)


def is_same_release(fixture: Fixture | None, tagged: str | None, on_index: Mapping[str, str]) -> bool:
    """Whether the tag and the index's files of this version belong to the release that this fixture records.

    `tagged` is the commit of the tag on origin, `on_index` the index's file names and sha256. Files with other bytes
    count as ours only when the tag proves it (a workflow that builds anew).
    """
    if fixture is None or not fixture.release_commit:
        return False
    if tagged is not None:
        return tagged == fixture.release_commit
    built = {artifact.name: artifact.sha256 for artifact in fixture.artifacts}
    return bool(built) and all(built.get(name) == digest for name, digest in on_index.items())


def restarted(fixture: Fixture) -> Fixture:
    """The record of the same release, begun anew: what was learned and approved is dropped.

    Who asked, what was noted, and each decline stay: one of the same evidence counts until somebody says otherwise.

    Refuses when the tag was pushed for certain: from then on a release can only go on.
    """
    if fixture.finished("export"):
        raise refused(
            f"tag {fixture.tag!r} of {fixture.project} {fixture.version} is out",
            "a release before its point of no return",
            "start it again without --restart: it goes on",
        )
    declines = tuple(one for one in fixture.approvals if one.decision == "decline")
    anew = replace(
        fixture.for_commit(""), steps=(), approvals=declines, release_commit="", restarts=fixture.restarts + 1
    )
    return replace(
        anew, artifacts=(), tests=None, isolation="", build_requirements=(), sbom="", publisher=None, abort=None
    )


def _progress(fixture: Fixture) -> tuple[int, ...]:
    finished = sum(1 for one in fixture.steps if one.finished)
    return (fixture.restarts, int(fixture.abort is not None), finished, len(fixture.steps), len(fixture.approvals))


def _fixture(data: dict[str, Any]) -> Fixture:
    def optional(kind: type[Any], key: str) -> Any:
        return None if data[key] is None else kind(**data[key])

    log, abort = data["log"], data.get("abort")
    return Fixture(
        **{
            **data,
            "build_requirements": tuple(data["build_requirements"]),
            "artifacts": tuple(Artifact(**one) for one in data["artifacts"]),
            "tests": optional(TestEvidence, "tests"),
            "publisher": optional(Claims, "publisher"),
            "workflow_run": optional(WorkflowRun, "workflow_run"),
            "log": None if log is None else PublishLog(**{**log, "uploads": tuple(log["uploads"])}),
            "approvals": tuple(Approval(**one) for one in data["approvals"]),
            "steps": tuple(StepTime(**one) for one in data["steps"]),
            "notes": tuple(Note(**one) for one in data.get("notes", ())),
            "abort": None if abort is None else _abort(abort),
        }
    )


def _abort(data: dict[str, Any]) -> Abort:
    texts = {name: tuple(data[name]) for name in ("undone", "compensated", "burnt")}
    return Abort(**{**data, **texts})
