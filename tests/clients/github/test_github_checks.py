"""The checks of a commit, read from GitHub's stand-in."""

from __future__ import annotations

import pytest

from clients.github_checks import observe_checks
from lockgate.errors import RefusedError, UnavailableError
from lockgate.github import GitHub
from sandbox.faults import Fault
from sandbox.world import Sandbox


def test_a_commit_without_checks_has_none(forge: Sandbox, hub: GitHub, commit: str) -> None:
    forge.grant(checks="read")
    assert observe_checks(hub, commit).found == ()


def test_check_runs_and_statuses_are_read(forge: Sandbox, hub: GitHub, commit: str) -> None:
    forge.grant(checks="read")
    forge.add_check_run(commit, "tests")
    forge.add_check_run(commit, "docs", "failure")
    seen = observe_checks(hub, commit)
    assert seen.unseen == ()
    assert {(one.name, one.outcome) for one in seen.found} == {("tests", "success"), ("docs", "failure")}


@pytest.mark.parametrize(
    ("granted", "unseen"),
    [({"checks": "none"}, ("check runs",)), ({"checks": "read", "statuses": "none"}, ("commit statuses",))],
)
def test_one_of_the_two_is_enough(
    forge: Sandbox, hub: GitHub, commit: str, granted: dict[str, str], unseen: tuple[str, ...]
) -> None:
    forge.grant(**granted)
    forge.add_check_run(commit, "tests")
    seen = observe_checks(hub, commit)
    assert (seen.unseen, [one.name for one in seen.found]) == (unseen, ["tests"])


def test_a_token_that_may_read_neither_is_told_what_it_needs(forge: Sandbox, hub: GitHub, commit: str) -> None:
    forge.grant(checks="none", statuses="none")
    with pytest.raises(RefusedError, match=r"reading the check runs of \w{12}.*checks=read"):
        observe_checks(hub, commit)


def test_an_outage_is_no_missing_check(forge: Sandbox, hub: GitHub, commit: str) -> None:
    forge.grant(checks="read")
    forge.faults.add(Fault("error", "github", "GET .*/status"))
    with pytest.raises(UnavailableError):
        observe_checks(hub, commit)
