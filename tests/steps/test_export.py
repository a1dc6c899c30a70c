"""Step 8: draft, assets and tag, in their order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lockgate.errors import RefusedError
from sandbox.faults import Fault
from tests.acts import attempt, configure, replace_in
from tests.stages import ORDER, TAG, VERSION, Stage

Make = Callable[[str], Stage]
TO_EXPORT = ORDER[: ORDER.index("export") + 1]
FROM_WAIT = ORDER[ORDER.index("wait") :]


def happened(stage: Stage, words: str) -> int:
    """The place of the first outside change that is told with these words."""
    told = [str(one["what"]) for one in stage.sandbox.journal]
    return next(number for number, what in enumerate(told) if words in what)


def test_the_leftover_of_a_broken_upload_is_replaced(at: Make) -> None:
    stage = at("export")
    stage.sandbox.faults.add(Fault("starter-asset", "github"))
    stage.go_on(["export"])
    (release,) = stage.sandbox.releases
    assert {one["state"] for one in release["assets"]} == {"uploaded"}
    assert stage.changes("deleted asset") == 1


def test_it_stays_a_draft_until_the_index_shows_the_files(at: Make) -> None:
    stage = at("record")
    assert [one["draft"] for one in stage.sandbox.releases] == [True]
    attempt(stage, "record")
    assert [one["draft"] for one in stage.sandbox.releases] == [False]


def test_immutable_releases_work(at: Make) -> None:
    stage = at("export")
    stage.sandbox.set_immutable(immutable=True)
    stage.go_on(["export", *FROM_WAIT])
    (release,) = stage.sandbox.releases
    assert (release["draft"], release["immutable"]) == (False, True)


@pytest.mark.slow
def test_a_workflow_that_starts_with_the_release_gets_it_after_the_tag_with_the_changelogs_notes(at: Make) -> None:
    stage = at("version")
    replace_in(stage, "CHANGELOG.md", "## Unreleased", "## 1.1.0")
    old = 'on:\n  push:\n    tags: ["v*"]\n  workflow_dispatch:\n'
    replace_in(stage, ".github/workflows/publish.yml", old, "on:\n  release:\n    types: [published]\n")
    stage.go_on([*TO_EXPORT, "wait"])
    assert (
        happened(stage, "uploaded asset") < happened(stage, f"refs/tags/{TAG}") < happened(stage, "published release")
    )
    assert [run["event"] for run in stage.sandbox.runs] == ["release"]
    assert stage.sandbox.releases[0]["body"].strip() == "- Weeks can be counted too."


def test_a_tag_that_was_declined_for_an_earlier_commit_is_made_anew(at: Make) -> None:
    stage = at("export")
    workspace = stage.open().workspace
    stage.git("tag", "-a", TAG, "-m", "Never pushed", "HEAD~2", folder=workspace)
    attempt(stage, "export")
    assert stage.git("rev-parse", f"{TAG}^{{commit}}") == stage.record().release_commit


def test_a_lightweight_tag_of_somebody_else_is_refused(at: Make) -> None:
    stage = at("export")
    stage.git("tag", TAG, stage.record().release_commit)
    with pytest.raises(RefusedError, match="is a lightweight tag, which Lockgate does not make"):
        attempt(stage, "export", VERSION)


def test_signing_is_asked_for_by_the_settings(at: Make) -> None:
    stage = at("export")
    configure(stage, "sign-tags = false")
    attempt(stage, "export")
    assert "SIGNATURE" not in stage.git("cat-file", "tag", TAG)
