"""A stop by signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

WAIT = textwrap.dedent(
    """
    from cli.stopping import Stop

    stop = Stop()
    assert not stop.is_set()
    assert not stop.wait(0)
    print("ready", flush=True)
    assert stop.wait()
    assert stop.is_set() and stop.wait(0) and stop.wait()
    """
)


def test_every_signal_of_a_person_ends_the_wait_and_it_stays_ended() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with subprocess.Popen([sys.executable, "-c", WAIT], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            os.kill(process.pid, number)
            assert process.wait(20) == 0
