"""The crash table: where a release was killed, what is there then, and what the next start does.

`python -m tests.crashes` prints docs/crash-table.md; tests/test_crashes.py plays every row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lockgate.steps import step
from tests.killing import AtEvent, AtRequest
from tests.stages import Stage
from tests.tasks.moves import SCENARIOS

PUSH = r"POST .*git-receive-pack"
DRAFTS = "github POST .*/releases created draft release"
UPLOADS = "github POST .* uploaded asset"
GENERATED = "<!-- Written by `python -m tests.crashes`; tests/test_crashes.py plays every row. -->"


@dataclass(frozen=True)
class Crash:
    """One row. `left` is how many of the move's changes the world holds after the kill, `again` the next start's outcome."""

    step: str
    move: str
    point: AtRequest | AtEvent
    left: int
    again: str
    killed: str
    there: str
    then: str
    quick: bool = False

    @property
    def name(self) -> str:
        """The row's name in the test report."""
        return f"{self.step}: {self.killed}"

    @property
    def at(self) -> str:
        """The snapshot that it begins from."""
        scenario = SCENARIOS.get((self.step, self.move))
        return scenario.at if scenario and not self.by_release else self.step

    @property
    def by_release(self) -> bool:
        """Whether it needs a project whose workflow is started by a published release."""
        return (self.step, self.move) == ("export", "publish-release")

    @property
    def prepare(self) -> Callable[[Stage], object] | None:
        """What is done in the snapshot before."""
        scenario = SCENARIOS.get((self.step, self.move))
        return scenario.prepare if scenario else None

    @property
    def undone(self) -> dict[str, int]:
        """How many drafts and uploads of step 8 were taken away before, so that step 10, or a new beginning, has them to make."""
        known = {("record", "draft"): (1, 2), ("record", "assets"): (0, 1), ("version", "put-away"): (1, 0)}
        lost = known.get((self.step, self.move), (0, 0))
        return dict(zip((DRAFTS, UPLOADS), lost, strict=True))

    @property
    def has_checkout(self) -> bool:
        """Whether the release is asked for with a person's checkout instead of origin's address."""
        return self.move in ("tidy", "follow")

    @property
    def others(self) -> tuple[str, ...]:
        """The subjects of what others committed, and of what an earlier start did before the release began anew."""
        anew = ("Say something", "Release lockgate-sample 1.1.0") if self.move == "put-away" else ()
        return ("Update VERSION", "Configure the release", *anew)

    def changes(self, stage: Stage) -> int:
        """How many of the move's changes the world holds."""
        scenario = SCENARIOS.get((self.step, self.move))
        return scenario.changes(stage) if scenario else 0


FINDS = "already done"
NO_MOVE = {"tests": "approval"}
CRASHES: tuple[Crash, ...] = (
    Crash(
        "version", "put-away", AtRequest("github", "DELETE .*/releases/", "before"), 0, "done",
        "before the draft of a release that begins anew was deleted", "The draft, and the record of the earlier start.",
        "Finds main moved again, and deletes the draft.",
    ),
    Crash(
        "version", "put-away", AtRequest("github", "DELETE .*/releases/", "after"), 1, "done",
        "after the draft of a release that begins anew was deleted", "No draft; the record of the earlier start.",
        "Finds main moved again, and no draft; begins anew once.",
    ),
    Crash(
        "version", "tidy", AtEvent("version: run git .*commit ", "after"), 0, "done",
        "after the edited release files were committed", "The commit, in the given checkout only.",
        "Knows its own commit by what it noted before, and pushes it.",
    ),
    Crash(
        "version", "tidy", AtRequest("origin", PUSH, "before"), 0, "done",
        "before the push of the edited release files", "The commit, in the given checkout only.",
        "Knows its own commit by what it noted before, and pushes it.",
    ),
    Crash(
        "version", "tidy", AtRequest("origin", PUSH, "after"), 1, "done",
        "after the push of the edited release files", "The commit, on origin.",
        "Finds the checkout as origin has it and commits nothing.",
    ),
    Crash(
        "migrations", "", AtEvent("migrations: write .*/records/releases/", "after"), 0, "not needed",
        "while it looked at the migrations", "Nothing of its own: it only looks.", "Looks again.",
    ),
    Crash(
        "pre-release", "release-commit", AtEvent("pre-release: run git .*commit ", "before"), 0, "done",
        "before the release commit", "Edited files in the workspace.",
        "Puts the workspace back to origin's branch and writes them anew.",
    ),
    Crash(
        "pre-release", "release-commit", AtEvent("pre-release: run git .*commit ", "after"), 1, "done",
        "after the release commit, before its record", "A commit in the workspace that nothing names.",
        "Makes the commit anew from origin's branch; nothing of the first one leaves the machine.", quick=True,
    ),
    Crash(
        "artifacts", "build", AtEvent("artifacts: run .*build_worker", "after"), 0, "done",
        "while the artifacts were built", "The release commit in the workspace; half a build in a temporary folder.",
        "The build died with the release. Builds the same commit.",
    ),
    Crash(
        "artifacts", "build", AtEvent("artifacts: write .*/store/artifacts/", "after"), 1, "done",
        "after the first artifact was kept", "One artifact in the store, none in the record.",
        "Builds the same commit; the same bytes are kept once.",
    ),
    Crash(
        "artifacts", "build", AtEvent("artifacts: write .*/store/artifacts/", "after", skip=1), 2, "done",
        "after all artifacts were kept, before their record", "The artifacts in the store, none in the record.",
        "Builds the same commit; the same bytes are kept once.",
    ),
    Crash(
        "artifacts", "push", AtRequest("origin", PUSH, "before"), 0, "done",
        "before the push of the release commit", "The artifacts, kept and recorded; nothing on origin.",
        "Takes the kept artifacts and pushes.",
    ),
    Crash(
        "artifacts", "push", AtRequest("origin", PUSH, "after"), 1, FINDS,
        "after the push of the release commit", "The release commit on origin.",
        "Finds the release commit in origin's branch.", quick=True,
    ),
    Crash(
        "tests", "", AtEvent("tests: write .*/records/releases/", "before", skip=2), 0, "done",
        "before the answer of a person was kept", "The evidence that was asked about.",
        "Asks again: no answer is taken for given.",
    ),
    Crash(
        "tests", "", AtEvent("tests: write .*/records/releases/", "after", skip=2), 0, FINDS,
        "after the answer of a person was kept", "The answer, bound to the fingerprint of its evidence.",
        "Finds the answer and does not ask again.", quick=True,
    ),
    Crash(
        "publisher", "", AtEvent("publisher: write .*/records/releases/", "after"), 0, "done",
        "while it looked at the publish workflow", "Nothing of its own: it only looks.", "Looks again.",
    ),
    Crash(
        "environment", "", AtEvent("environment: write .*/records/releases/", "after"), 0, "done",
        "while it looked at the release environment", "Nothing of its own: it only looks.", "Looks again.",
    ),
    Crash(
        "export", "draft", AtRequest("github", r"POST .*/releases$", "before"), 0, "done",
        "before the draft release was made", "Nothing on GitHub.", "Makes the draft.",
    ),
    Crash(
        "export", "draft", AtRequest("github", r"POST .*/releases$", "after"), 1, "done",
        "after the draft release was made", "A draft without files.", "Finds the draft among all releases.", quick=True,
    ),
    Crash(
        "export", "assets", AtRequest("github", "POST /api/uploads", "before", skip=1), 1, "done",
        "between the uploads of two artifacts", "A draft with the first file.", "Uploads the second only.",
    ),
    Crash(
        "export", "assets", AtRequest("github", "POST /api/uploads", "after", skip=1), 2, "done",
        "after all artifacts were uploaded", "A draft with all files, and no tag.",
        "Knows the files by their digests and pushes the tag.",
    ),
    Crash(
        "export", "tag", AtEvent("export: run git tag", "after"), 0, "done",
        "after the tag was made, before its push", "The tag in the workspace; nothing on origin.",
        "Pushes this very tag.",
    ),
    Crash(
        "export", "tag", AtRequest("origin", PUSH, "before"), 0, "done",
        "before the push of the tag", "The tag in the workspace; nothing on origin.", "Pushes this very tag.",
    ),
    Crash(
        "export", "tag", AtRequest("origin", PUSH, "after"), 1, FINDS,
        "after the push of the tag", "The tag on origin; the publish workflow runs.",
        "Finds the tag at its release commit and pushes none.", quick=True,
    ),
    Crash(
        "export", "publish-release", AtRequest("github", "PATCH .*/releases/", "before"), 0, "done",
        "before the release was published that starts the workflow", "The tag, and a draft with all files.",
        "Publishes the draft.",
    ),
    Crash(
        "export", "publish-release", AtRequest("github", "PATCH .*/releases/", "after"), 1, FINDS,
        "after the release was published that starts the workflow", "A public release; the publish workflow runs.",
        "Finds the release public.",
    ),
    Crash(
        "wait", "dispatch", AtRequest("github", "POST .*/dispatches", "before"), 0, "done",
        "before the workflow was started by hand", "The tag on origin, and no run.", "Starts the workflow.",
    ),
    Crash(
        "wait", "dispatch", AtRequest("github", "POST .*/dispatches", "after"), 1, "done",
        "after the workflow was started by hand", "The run.", "Finds the run and starts none.", quick=True,
    ),
    Crash(
        "wait", "rerun", AtRequest("github", "POST .*/rerun-failed-jobs", "before"), 0, "done",
        "before the failed jobs were started again", "The failed run.", "Starts its failed jobs again.",
    ),
    Crash(
        "wait", "rerun", AtRequest("github", "POST .*/rerun-failed-jobs", "after"), 1, "done",
        "after the failed jobs were started again", "A later attempt of the run.", "Follows that attempt.",
    ),
    Crash(
        "record", "draft", AtRequest("github", r"POST .*/releases$", "after"), 1, "done",
        "after the release was made that a workflow had left undone", "A draft without files.",
        "Finds the draft, uploads the files, publishes it.",
    ),
    Crash(
        "record", "assets", AtRequest("github", "POST /api/uploads", "after"), 1, "done",
        "after a file was uploaded that a workflow had left out", "A draft with all files.",
        "Knows the files by their digests and publishes the draft.",
    ),
    Crash(
        "record", "publish-release", AtRequest("github", "PATCH .*/releases/", "before"), 0, "done",
        "before the draft became public", "The files on the index; a draft.", "Publishes the draft.",
    ),
    Crash(
        "record", "publish-release", AtRequest("github", "PATCH .*/releases/", "after"), 1, "done",
        "after the draft became public", "The files on the index; a public release.", "Finds it public.", quick=True,
    ),
    Crash(
        "logs", "fixture-commit", AtRequest("origin", PUSH, "before"), 0, "done",
        "before the push of the record", "A commit in the workspace only.",
        "Continues this release, although its record is complete, and pushes it.",
    ),
    Crash(
        "logs", "fixture-commit", AtRequest("origin", PUSH, "after"), 1, FINDS,
        "after the push of the record", "The record of the release on origin.",
        "Continues this release, finds everything done, and starts no other version.", quick=True,
    ),
    Crash(
        "finish", "follow", AtEvent("finish: run git .*merge ", "before"), 0, "done",
        "before the given checkout followed", "A checkout behind origin.", "Fast-forwards it.",
    ),
    Crash(
        "finish", "follow", AtEvent("finish: run git .*merge ", "after"), 1, "done",
        "after the given checkout followed", "A checkout as origin has it.", "Finds it there.", quick=True,
    ),
)  # fmt: skip


def table() -> str:
    """The text of docs/crash-table.md."""
    rows = "\n".join(
        f"| {step(one.step).number or 'finish'} | {one.move or NO_MOVE.get(one.step, 'none')} | {one.killed} | {one.there}"
        f" | {one.then} |"
        for one in CRASHES
    )
    return (
        f"{GENERATED}\n\n# The crash table\n\n"
        "A release can be killed at any instant and started again with the same words; the world ends the same as without\n"
        "the kill: one tag at the release commit, one release with the built files, the same files on the index, a complete\n"
        "fixture, and no second commit of any kind. It needs none of Prefect's data for that. With another machine that has\n"
        "the same store it goes on with the same bytes; with nothing but origin it goes on too, and where the bytes are lost\n"
        "and a new build gives others, it refuses.\n\n"
        "| step | move | killed | what is there | what the next start does |\n|---|---|---|---|---|\n"
        f"{rows}\n"
    )


if __name__ == "__main__":
    print(table(), end="")
