"""What needs a `lockgate up` of its own: it is killed, or asks for a password."""

from __future__ import annotations

import signal

import httpx
import pytest

from tests.operating import Station, connected, is_alive, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("operations")]

TESTS = "Complete test suite with --all flag"


def test_nothing_survives_a_kill_and_the_next_start_goes_on(own_station: Station) -> None:
    station = own_station.start()
    with connected(station.api) as client:
        run = station.begin(client)
        station.until_state(client, run, "Running")
    children = station.children()
    assert any("prefect.engine" in line for line in children.values())
    station.stop(signal.SIGKILL)
    gone(children)
    station.start()
    with connected(station.api) as client:
        station.until_state(client, run, "Suspended")
        assert "its process has vanished; it goes on where it was" in station.output
        assert second_up(station) == (2, True)
        children = station.children()
        assert station.stop() == 0
        gone(children)
        station.start()
    assert station.status(run)["asks"] == TESTS


def gone(children: dict[int, str]) -> None:
    until(lambda: not any(is_alive(pid) for pid in children), f"the end of {children}", 20)


def second_up(station: Station) -> tuple[int, bool]:
    done = station.run("up", "--sandbox", str(station.folder), "--port", "0")
    return done.returncode, "runs already in" in done.stdout


def test_a_password_is_asked_for_and_given(own_station: Station) -> None:
    own_station.extra["PREFECT_SERVER_API_AUTH_STRING"] = "admin:tidegate"
    station = own_station.start()
    assert httpx.get(f"{station.api}/flows/count").status_code == httpx.codes.UNAUTHORIZED
    assert station.run("status").returncode == 0
    del station.extra["PREFECT_SERVER_API_AUTH_STRING"]
    assert station.run("status").returncode == 0
    refused = station.run("status", environ={**station.environ, "PREFECT_API_AUTH_STRING": "admin:wrong"})
    assert refused.returncode == 4
    assert "PREFECT_API_AUTH_STRING holds its password" in refused.stdout
    assert "tidegate" not in station.output + refused.stdout
