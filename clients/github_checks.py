"""The checks of a commit on GitHub: check runs and commit statuses, observed only."""

from __future__ import annotations

from dataclasses import dataclass

from clients import github_api
from lockgate.commit_checks import CommitCheck, CommitChecks
from lockgate.errors import RefusedError
from lockgate.github import GitHub

PENDING = "pending"


@dataclass(frozen=True, slots=True)
class _CheckRun:
    """Part of an answer: docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference."""

    name: str
    status: str
    conclusion: str | None
    html_url: str | None


@dataclass(frozen=True, slots=True)
class _Status:
    """Part of an answer: docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference."""

    context: str
    state: str
    target_url: str | None


def observe_checks(hub: GitHub, commit: str) -> CommitChecks:
    """The latest check runs and statuses of a commit; of what the token may not read it gives the name.

    Refuses when it may read neither, with the permission that GitHub names.
    """
    found: list[CommitCheck] = []
    unseen: list[str] = []
    refusal: RefusedError | None = None
    for name, read in (("check runs", _check_runs), ("commit statuses", _statuses)):
        try:
            found += read(hub, commit)
        except RefusedError as error:
            unseen.append(name)
            refusal = refusal or error
    if refusal is not None and len(unseen) == len((_check_runs, _statuses)):
        raise refusal
    return CommitChecks(tuple(found), tuple(unseen))


def _check_runs(hub: GitHub, commit: str) -> list[CommitCheck]:
    what = f"reading the check runs of {commit[:12]}"
    path = github_api.path_of(hub, "commits", commit, "check-runs")
    entries = github_api.observe_pages(hub, path, what=what, key="check_runs", query={"filter": "latest"})
    runs = github_api.read_as(tuple[_CheckRun, ...], entries, what)
    return [CommitCheck(one.name, one.conclusion or "", one.html_url or "") for one in runs]


def _statuses(hub: GitHub, commit: str) -> list[CommitCheck]:
    what = f"reading the statuses of {commit[:12]}"
    path = github_api.path_of(hub, "commits", commit, "status")
    entries = github_api.observe_pages(hub, path, what=what, key="statuses")
    statuses = github_api.read_as(tuple[_Status, ...], entries, what)
    outcomes = {PENDING: ""}
    return [CommitCheck(one.context, outcomes.get(one.state, one.state), one.target_url or "") for one in statuses]
