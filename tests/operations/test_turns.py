"""The turn of a repository, asked for by flows on a real server, with holders in every condition."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Running, Scheduled, Suspended

from clients import locks
from flows.turns import turn
from lockgate.claims import BusyError, Claim
from lockgate.request import Request
from planning import turns
from planning.release import home_of, store_of, workspace_of

SLUG = "example/demo"
URL = f"https://github.com/{SLUG}.git"
NOWHERE = "http://127.0.0.1:9/api"


@flow
def body() -> None:
    """Stands for a release in a claim."""


@pytest.fixture
def attempt(prefect_api: str, prefect_pages: str) -> Callable[..., Claim | None]:
    """Take the turn in a flow of its own; gives the claim that stood while it had it."""

    def run(error: BaseException | None = None, **request: Any) -> Claim | None:
        @flow
        def taking() -> Claim | None:
            with turn(Request(URL, **{"when_busy": "refuse", **request})):
                if error is not None:
                    raise error
                assert request.get("dry_run") or locks.is_held(workspace_of(os.environ, SLUG))
                return turns.read_claim(store_of(os.environ), SLUG)

        return taking()

    return run


def claimed(api: str, state: State[Any] | None, *, host: str = "", server: str = "", suspends: bool = True) -> Claim:
    """The claim of another run; on the server in this state, or unknown there."""
    run = str(uuid4())
    if state is not None:
        with get_client(sync_client=True) as client:
            run = str(client.create_flow_run(body, name="demo 1.0", state=state).id)
    claim = Claim(
        run, "demo 1.0", "2026-11-22T09:00:00Z", host or locks.here(), str(home_of(os.environ)), server or api, suspends
    )
    turns.write_claim(store_of(os.environ), SLUG, claim)
    return claim


def test_a_turn_is_had_for_the_time_of_the_release(attempt: Callable[..., Claim | None], prefect_api: str) -> None:
    mine = attempt()
    assert mine is not None
    assert (mine.host, mine.server, mine.suspends) == (locks.here(), prefect_api, False)
    assert turns.read_claim(store_of(os.environ), SLUG) is None
    assert not locks.is_held(workspace_of(os.environ, SLUG))


def test_a_dry_run_needs_no_turn(attempt: Callable[..., Claim | None], prefect_api: str) -> None:
    other = claimed(prefect_api, Suspended())
    assert attempt(dry_run=True) == other


def test_a_failed_release_gives_its_turn_back(attempt: Callable[..., Claim | None]) -> None:
    with pytest.raises(ValueError, match="on purpose"):
        attempt(ValueError("on purpose"))
    assert turns.read_claim(store_of(os.environ), SLUG) is None


def test_a_release_that_waits_keeps_its_turn(attempt: Callable[..., Claim | None]) -> None:
    """Prefect ends a process that waits with a signal; the claim stays, the lock does not."""
    with pytest.raises(Pause):
        attempt(Pause())
    assert turns.read_claim(store_of(os.environ), SLUG) is not None
    assert not locks.is_held(workspace_of(os.environ, SLUG))


@pytest.mark.parametrize("state", [Completed(name="Released"), Cancelled(), Running(), None])
def test_a_turn_whose_run_is_no_more_is_taken_over(
    attempt: Callable[..., Claim | None], prefect_api: str, state: State[Any] | None
) -> None:
    other = claimed(prefect_api, state)
    mine = attempt()
    assert mine is not None
    assert mine.run != other.run


def test_a_killed_release_of_this_machine_is_taken_over_though_its_server_is_gone(
    attempt: Callable[..., Claim | None], prefect_api: str
) -> None:
    other = claimed(prefect_api, None, server=NOWHERE, suspends=False)
    mine = attempt()
    assert mine is not None
    assert mine.run != other.run


@pytest.mark.parametrize(
    ("state", "more", "words"),
    [
        (Suspended(), {}, "waits: for a person, or to be started"),
        (Suspended(), {"server": NOWHERE}, "waits: for a person, or to be started"),
        (Scheduled(), {}, "waits: for a person, or to be started"),
        (Running(), {"host": "harbour"}, "is at work on harbour"),
        (None, {"server": NOWHERE}, f"its Prefect server \\({NOWHERE}\\) does not answer.*lockgate unlock"),
    ],
)
def test_a_turn_of_a_living_run_is_refused(
    attempt: Callable[..., Claim | None], prefect_api: str, state: State[Any] | None, more: dict[str, str], words: str
) -> None:
    other = claimed(prefect_api, state, **more)
    with pytest.raises(BusyError, match=words):
        attempt()
    assert turns.read_claim(store_of(os.environ), SLUG) == other
    assert not locks.is_held(workspace_of(os.environ, SLUG))


def test_a_turn_moves_with_its_run_to_the_machine_that_it_goes_on_on(prefect_api: str, prefect_pages: str) -> None:
    """Where the claim says it is, a supervisor looks for its process."""
    began = "2026-11-22T09:00:00Z"

    @flow
    def going_on() -> Claim | None:
        there = Claim(str(flow_run.id), "demo 1.0", began, "harbour", "/home/of/another", prefect_api)
        assert turns.write_claim(store_of(os.environ), SLUG, there)
        with turn(Request(URL, when_busy="refuse")):
            return turns.read_claim(store_of(os.environ), SLUG)

    found = going_on()
    assert found is not None
    assert (found.host, found.home, found.since) == (locks.here(), str(home_of(os.environ)), began)


def test_a_workspace_in_use_is_refused(attempt: Callable[..., Claim | None]) -> None:
    with locks.hold(workspace_of(os.environ, SLUG)) as free:
        assert free
        with pytest.raises(BusyError, match="another process works in this repository's workspace"):
            attempt()
