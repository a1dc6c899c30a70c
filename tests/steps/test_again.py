"""Before the tag everything that it relies on is looked at again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lockgate.errors import RefusedError
from planning import record
from tests.acts import attempt, configure
from tests.stages import Stage

Make = Callable[[str], Stage]


def forget_approvals(stage: Stage) -> None:
    """Approvals were taken out of the record, or are of other evidence."""
    release = stage.open()
    kept = record.kept(release)
    others = tuple(replace(one, fingerprint="0" * 64) for one in kept.approvals)
    record.save(release, replace(kept, approvals=others))


def name_approvers(stage: Stage) -> None:
    configure(stage, 'approvers = ["Grace"]')


def ask_for_two(stage: Stage) -> None:
    """The settings want more people now than had to be asked when the checkpoints were passed."""
    configure(stage, "approvals-before-publish = 2")


def damage_the_store(stage: Stage) -> None:
    release = stage.open()
    for artifact in record.kept(release).artifacts:
        path = stage.folder / "home" / "store" / "artifacts" / artifact.sha256[:2] / artifact.sha256
        path.write_bytes(path.read_bytes()[:-1] + b"?")


def close_the_environment(stage: Stage) -> None:
    stage.sandbox.set_environment("pypi", policies=[("main", "branch")])


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (forget_approvals, r"'Complete test suite with --all flag' has 0 valid approvals of what is there now"),
        (forget_approvals, r"'Confirm PyPI Trusted Publisher settings' has 0 valid approvals"),
        (name_approvers, r"has 0 valid approvals of what is there now"),
        (ask_for_two, r"'Export artifacts and push release tag' has 0 valid approvals"),
        (damage_the_store, r"the store has no sound bytes of lockgate_sample-1\.1\.0"),
        (close_the_environment, r"'v1\.1\.0'.*deploy"),
    ],
    ids=["tests", "publisher", "approvers", "two people", "bytes", "environment"],
)
def test_what_changed_since_it_was_checked_keeps_the_tag_back(
    at: Make, act: Callable[[Stage], None], words: str
) -> None:
    stage = at("export")
    act(stage)
    with pytest.raises(RefusedError, match=words):
        attempt(stage, "export", "1.1.0")
    assert not stage.changes("pushed refs/tags|created release|uploaded asset")
