"""The sentinel: compares what main, tags, GitHub releases, index and fixtures say, and proposes repairs; it changes nothing."""

from __future__ import annotations

from typing import NamedTuple

from packaging.version import InvalidVersion, Version
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.run_log import show_logs
from lockgate.errors import LockgateError, Problem, SettingsError, TransientError
from lockgate.sentinel import Difference, Watch, compare, in_order
from lockgate.texts import block
from tasks.reminding import send
from tasks.schedule import show_rows
from tasks.watching import look

WORST_FIRST = ("Misconfigured", "Unavailable", "Differences", "In order")


class Found(NamedTuple):
    """What one repository came to: the name of its state, one line that sums it up, and the differences."""

    repository: str
    name: str
    says: str
    differences: tuple[Difference, ...] = ()


@flow(name="sentinel", retries=0, persist_result=False)
def sentinel(watch: Watch) -> State[list[dict[str, str]]]:
    """Compare every place for each repository.

    Ends as In order (green, one line for each repository), or Differences, Unavailable, Misconfigured. The table holds
    every difference with what was expected and a proposal for its repair.
    """
    show_logs()
    found = [_watch(repository, watch.since) for repository in watch.repositories]
    rows = [row for one in found for row in _rows(one)]
    if rows:
        show_rows("sentinel", rows, "Where main, tags, GitHub releases, index and fixtures differ")
    name = min((one.name for one in found), key=WORST_FIRST.index, default="Misconfigured")
    says = [one.says for one in found] or ["There is no repository to watch. Next: add one to the schedule."]
    if name != WORST_FIRST[-1] and watch.notify:
        says += _tell(watch.notify, name, says)
    good = name == WORST_FIRST[-1]
    return (Completed if good else Failed)(name=name, message=block("\n".join(says)), data=rows)


def _watch(repository: str, since: str) -> Found:
    try:
        first = str(Version(since)) if since else ""
        seen = look(repository).everywhere
    except InvalidVersion as error:
        problem = Problem(str(error), "a version of PEP 440, or nothing", "correct `since` in the schedule")
        return Found(repository, "Misconfigured", str(problem))
    except TransientError as error:
        return Found(repository, "Unavailable", f"{repository}: {error}")
    except SettingsError as error:
        return Found(repository, "Misconfigured", f"{repository}: {error}")
    except LockgateError as error:
        return Found(repository, "Differences", f"{repository}: {error}")
    differences = compare(seen, first)
    if not differences:
        return Found(repository, "In order", in_order(seen, first))
    lines = [f"{seen.project}: {len(differences)} differences", *(f"- {one.problem}" for one in differences)]
    return Found(repository, "Differences", "\n".join(lines), differences)


def _rows(found: Found) -> list[dict[str, str]]:
    if found.name == "In order":
        return []
    if not found.differences:
        return [{"repository": found.repository, "version": "", "seen": found.says, "expected": "", "repair": ""}]
    return [
        {
            "repository": found.repository,
            "version": one.version or "all",
            "seen": one.problem.seen,
            "expected": one.problem.expected,
            "repair": one.problem.next,
        }
        for one in found.differences
    ]


def _tell(block: str, name: str, says: list[str]) -> list[str]:
    """Notify; what kept the message from going out, in words."""
    try:
        send(block, f"Lockgate's sentinel: {name}", "\n".join(says))
    except LockgateError as error:
        return [str(error)]
    return []
