"""A person's wish to end: SIGINT, SIGTERM and SIGHUP, waited for."""

from __future__ import annotations

import select
import signal
import socket

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Set from the first of these signals on; made in the main thread.

    The signal is a byte on a socket (docs.python.org/3/library/signal.html, set_wakeup_fd): a threading.Event that a handler
    sets can wait for ever for the lock of the `wait` that was interrupted, and any lock can miss a signal as it begins to wait.
    """

    def __init__(self) -> None:
        self._heard, self._said = socket.socketpair()
        self._said.setblocking(False)
        signal.set_wakeup_fd(self._said.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)

    def is_set(self) -> bool:
        """Whether a signal came."""
        return self.wait(0)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for a signal, at most so many seconds; whether one came."""
        return bool(select.select([self._heard], [], [], seconds)[0])
