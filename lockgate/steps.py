"""The step catalogue: every step of the documented workflow, declared once.

It executes nothing. Task options, the plan, the docs' table and chart and the tests' parameters are read from here; a test
runs the flow and compares what ran with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["start", "check", "change", "checkpoint", "wait", "finish"]

MINUTE_SECONDS = 60.0
HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Step:
    """One box of the documented chart.

    `number` is 1 to 11 for the documented steps and 0 for the two ends. `moves` are the outside changes that it can make,
    in their order. `delays` are the seconds before each retry (of transient errors only), `timeout` the seconds that one
    attempt may take.
    """

    number: int
    key: str
    node: str
    title: str
    kind: Kind
    needs: str
    changes: str
    undo: str
    moves: tuple[str, ...] = ()
    delays: tuple[float, ...] = (1.0, 4.0, 15.0)
    timeout: float = 10 * MINUTE_SECONDS

    @property
    def retries(self) -> int:
        """How often a transient error is tried again."""
        return len(self.delays)


NOTHING = "Nothing."
NO_NEED = "Nothing to undo."

START = Step(
    0,
    "start",
    "A",
    "Start release from admin or scheduler",
    "start",
    needs="A repository with a pyproject.toml, its origin, the index, GitHub.",
    changes=NOTHING,
    undo=NO_NEED,
)
FINISH = Step(
    0,
    "finish",
    "L",
    "Finish and log completion",
    "finish",
    needs="A finished fixture.",
    changes="The given checkout, if there is one and it is clean, is fast-forwarded.",
    undo=NO_NEED,
    moves=("follow",),
)

STEPS: tuple[Step, ...] = (
    Step(
        1, "version", "B", "Check version number availability", "check",
        needs="A clean tree on the release branch; a version that is newer than every released one and free on the index.",
        changes="Allowed release files that were edited are committed and pushed. Where a release begins anew, the draft that an"
        " earlier start made of it is deleted.",
        undo="`lockgate abort` reverts the commit; what it held stays in the branch's history. A draft is made again by step 8.",
        moves=("put-away", "tidy"),
    ),
    Step(
        2, "migrations", "C", "Freeze, squash and approve migrations", "checkpoint",
        needs="The migrations of the last release and of now; a person when they differ.",
        changes=NOTHING, undo=NO_NEED,
        timeout=2 * HOUR_SECONDS,
    ),
    Step(
        3, "pre-release", "D", "Execute pre-release actions", "change",
        needs="The release branch as origin has it.",
        changes="The release commit: version and fixture, in the workspace only.",
        undo="Nothing left the machine: `lockgate abort` puts the workspace back, and the next start does too.",
        moves=("release-commit",),
        timeout=6 * HOUR_SECONDS,
    ),
    Step(
        4, "artifacts", "E", "Build release artifacts", "change",
        needs="The release commit; origin's branch where step 1 found it.",
        changes="The artifacts' bytes in the store; the release commit on origin's branch.",
        undo="`lockgate abort` reverts it; the version can be released again.",
        moves=("build", "push"),
        timeout=60 * MINUTE_SECONDS,
    ),
    Step(
        5, "tests", "F", "Complete test suite with --all flag", "checkpoint",
        needs="A test command, or a person who gives evidence for exactly this commit.",
        changes=NOTHING, undo=NO_NEED,
        timeout=24 * HOUR_SECONDS,
    ),
    Step(
        6, "publisher", "TP", "Confirm PyPI Trusted Publisher settings", "checkpoint",
        needs="A publish workflow that this tag starts, and the index's registered publisher.",
        changes=NOTHING, undo=NO_NEED,
    ),
    Step(
        7, "environment", "G", "Verify release environment", "check",
        needs="A GitHub token that can push the tag, create the release and read workflow runs.",
        changes=NOTHING, undo=NO_NEED,
    ),
    Step(
        8, "export", "H", "Export artifacts and push release tag", "change",
        needs="Everything that was checked before, checked again.",
        changes="A draft release with the artifacts, unless a workflow makes it; the tag, which starts the publish workflow.",
        undo="Until the tag is pushed, `lockgate abort` deletes the draft and reverts the commits. The tag and what it starts"
        " cannot be undone: this is the point of no return.",
        moves=("draft", "assets", "tag", "publish-release"),
        timeout=30 * MINUTE_SECONDS,
    ),
    Step(
        9, "wait", "I", "Wait for GitHub Actions publish", "wait",
        needs="The workflow run that the tag started.",
        changes="Starts the workflow by hand when no run appeared and it allows that; re-runs failed jobs when a person says so.",
        undo="`lockgate abort` cancels the run, and says whether that was in time. The version is burnt, the tag stays.",
        moves=("dispatch", "rerun"),
        timeout=7 * 24 * HOUR_SECONDS,
    ),
    Step(
        10, "record", "J", "Record publish URLs & update fixtures", "change",
        needs="The files on the index.",
        changes="The draft release, completed if a workflow left it incomplete, becomes public; what was published is recorded.",
        undo="What is on the index stays: `lockgate abort` names the page to yank it on and the version to take next.",
        moves=("draft", "assets", "publish-release"),
        timeout=24 * HOUR_SECONDS,
    ),
    Step(
        11, "logs", "K", "Capture PyPI publish logs", "change",
        needs="The logs of the workflow run.",
        changes="The record of the release: the finished fixture, signed, committed and pushed.",
        undo="The same: the record stays with what it records.",
        moves=("fixture-commit",),
    ),
)  # fmt: skip

CHART: tuple[Step, ...] = (START, *STEPS, FINISH)
POINT_OF_NO_RETURN = "export"


def step(key: str) -> Step:
    """The step of this key; KeyError when there is none."""
    return _BY_KEY[key]


_BY_KEY = {one.key: one for one in CHART}
