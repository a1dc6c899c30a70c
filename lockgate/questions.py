"""The questions of the checkpoints: what a person is told, and the evidence that an answer is bound to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockgate.approvals import Question
from lockgate.artifacts import Artifact, table_of
from lockgate.markdown import code, prose, quote, table
from lockgate.publication import Publisher
from lockgate.runs import RunFailedError
from lockgate.steps import step
from lockgate.workflow_claims import PublisherClaims, moved_from

THE_TAG = "The tag that may follow without another question: what it publishes is on the index for ever."


@dataclass(frozen=True, slots=True)
class Subject:
    """What every question is about, and every answer is bound to: an answer given elsewhere, or for other bytes, is none here.

    `repository` is host and name, `settings` the digest of what the commit states under [tool.lockgate], `loosened` what that
    allows and the previous release's rules did not.
    """

    project: str
    version: str
    repository: str
    index: str
    commit: str
    settings: str
    artifacts: tuple[Artifact, ...] = ()
    loosened: tuple[str, ...] = ()

    @property
    def evidence(self) -> dict[str, str]:
        """The rows of the evidence that all questions share."""
        return {
            "project": self.project, "version": self.version, "repository": self.repository, "index": self.index,
            "commit": self.commit, "settings": self.settings, **{one.name: one.sha256 for one in self.artifacts},
            **({"loosened": "; ".join(self.loosened)} if self.loosened else {}),
        }  # fmt: skip

    @property
    def warning(self) -> str:
        """What was loosened, in Markdown, before what a question says; "" when nothing was."""
        if not self.loosened:
            return ""
        rules = "\n".join(f"- {prose(one)}" for one in self.loosened)
        said = "The rules are laxer than those of the previous release, and those whom it asks have to approve that:"
        return f"**{said}**\n\n{rules}\n\n"


def ask_about_migrations(subject: Subject, description: str, *, last: bool) -> Question:
    """Step 2's question; bound to the commit whose migrations were read. `last`: perhaps nobody is asked again before the tag."""
    return Question(
        "migrations", step("migrations").title, subject.warning + description,
        starts="the version change and the release commit, in Lockgate's workspace; then the build and the push of that commit.",
        irreversible=_lost(last), evidence=subject.evidence,
    )  # fmt: skip


def ask_for_tests(subject: Subject, changes: str = "", tested: str = "", *, last: bool) -> Question:
    """Step 5's question where no test command is configured; bound to the release commit and the built bytes.

    `changes` is Markdown: what changed since the previous release. `tested` is what the request says of the tests. `last`:
    perhaps nobody is asked again before the tag.
    """
    told = f"\n\nWho asked for the release says:\n\n{quote(tested)}" if tested else ""
    return Question(
        "tests", step("tests").title,
        f"{subject.warning}No test command is configured. Has the complete test suite run, with `--all`, on commit"
        f" {code(subject.commit)}? Say where in the note (a link to the run), it is kept as the"
        f" evidence.{told}\n\n{changes}".rstrip(),
        starts="the checks of the publish workflow and of the release environment.",
        irreversible=_lost(last), evidence=subject.evidence,
    )  # fmt: skip


def ask_about_publisher(
    subject: Subject, claims: PublisherClaims, known: Publisher | None, notes: Sequence[str], *, last: bool
) -> Question:
    """Step 6's question; bound to the claims that the publish run will present. `last`: nobody is asked again before the tag."""
    rows = {
        "owner": claims.owner, "repository": claims.repository, "workflow": claims.workflow,
        "environment": claims.environment or "(any)",
    }  # fmt: skip
    presented = {f"publisher's {name}": value for name, value in rows.items()} | {"publisher's ref": claims.ref}
    shown = table(("Trusted Publisher", "value"), [(name, code(value)) for name, value in rows.items()])
    moved = moved_from(claims, known)
    unsure = "" if known is not None and not moved else " A wrong publisher burns the tag."
    warnings = "".join(f"\n- {prose(note)}" for note in notes)
    found = f"{subject.warning}{_seen_before(known, moved)}\n\n{shown}\n{warnings}"
    return Question(
        "publisher", step("publisher").title, found,
        starts="the check of the release environment, then the draft release and the tag.",
        irreversible=_lost(last) + unsure,
        evidence=subject.evidence | presented | ({"moved from": moved} if moved else {}),
    )  # fmt: skip


def _lost(last: bool) -> str:
    return (
        THE_TAG
        if last
        else "Nothing: a person is asked again before the tag, and until then everything can be taken back."
    )


def ask_to_publish(subject: Subject, tag: str, changes: str = "") -> Question:
    """The optional last question before the point of no return; bound to tag, commit and bytes. `changes` is Markdown."""
    return Question(
        "publish", step("export").title,
        f"{subject.warning}Tag {code(tag)} on commit {code(subject.commit)}, with these artifacts:\n\n"
        f"{table_of(subject.artifacts)}\n\n{changes}".rstrip(),
        starts="the draft release, and the tag that makes GitHub publish to the index.",
        irreversible="Everything after it: a tag starts the publish workflow, and a version on the index is there for ever.",
        evidence={**subject.evidence, "tag": tag},
    )  # fmt: skip


def ask_to_rerun(subject: Subject, failure: RunFailedError) -> Question:
    """Step 9's question after a failed run; bound to the bytes, the run, its attempt and its failed jobs."""
    return Question(
        "rerun",
        step("wait").title,
        f"{prose(str(failure))}\n\nRun the failed jobs again? The same commit and the same files are used.",
        starts="the failed jobs of the publish run, on GitHub.",
        irreversible="The tag is out already. A job that publishes puts the version on the index for ever.",
        evidence={
            **subject.evidence,
            "run": str(failure.run),
            "attempt": str(failure.attempt),
            "failed": ", ".join(failure.failed),
        },
    )


def _seen_before(known: Publisher | None, moved: str) -> str:
    if known is not None and not moved:
        return "The last release on the index was published by this very publisher."
    why = (
        f"**The publisher changes.** The last release on the index was published by {code(moved)}; the project's settings"
        " state that it is now the one below."
        if moved
        else "The index shows no earlier release with a publisher to compare with."
    )
    return f"{why} Compare these values with the project's publishing settings on the index, one by one."
