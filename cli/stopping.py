"""A person's wish to end: SIGINT, SIGTERM and SIGHUP, waited for."""

from __future__ import annotations

import signal
from queue import Empty, SimpleQueue

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Set from the first of these signals on; made in the main thread.

    No threading.Event: its `set` in a signal handler waits for ever for the lock that an interrupted `wait` holds. A
    SimpleQueue's `put` is reentrant (docs.python.org/3/library/queue.html).
    """

    def __init__(self) -> None:
        self._asked: SimpleQueue[None] = SimpleQueue()
        for number in SIGNALS:
            signal.signal(number, lambda *_: self._asked.put(None))

    def is_set(self) -> bool:
        """Whether a signal came."""
        return not self._asked.empty()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for a signal, at most so many seconds; whether one came."""
        try:
            self._asked.put(self._asked.get(timeout=seconds))
        except Empty:
            return False
        return True
