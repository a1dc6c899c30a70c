"""The whole of one HTTP answer, within bounds: bytes as they are after decoding, and time from the request to the last byte.

httpx decodes what it is sent without a limit (some kilobytes of gzip become gigabytes) and counts its timeouts anew for every
byte that moves. So the body is taken raw and decoded here, and the connection is cut when the time is over.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import httpx

ACCEPTED = "gzip"
PIECE_BYTES = 64 * 1024
_GZIP_HEADER = 16 + zlib.MAX_WBITS  # as zlib.decompressobj takes it


class AnswerError(Exception):
    """An answer that is not read to its end."""


class TooLargeError(AnswerError):
    """An answer is larger than its reader takes."""


class TooSlowError(AnswerError):
    """An answer was not there as a whole when its time was over."""


class CodingError(AnswerError):
    """An answer is encoded in a way that was not asked for, or wrongly."""


class Deadline:
    """Cuts the connections of one request when its time is over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    @property
    def extensions(self) -> dict[str, Any]:
        """What the request is sent with, so that its connections are known (httpcore, extensions: trace)."""
        return {"trace": self._note}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count the time; raises TooSlowError in place of whatever the cut connection made the client say."""
        self._timer.start()
        try:
            yield
        except httpx.HTTPError as error:
            if self.is_over:
                raise TooSlowError from error
            raise
        finally:
            self._timer.cancel()
        if self.is_over:
            raise TooSlowError

    def _note(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            with self._lock:
                self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self.is_over:
                self._cut()

    def _cut(self) -> None:
        self.is_over = True
        with self._lock:
            for one in self._sockets:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


def pieces(response: httpx.Response, limit_bytes: int) -> Iterator[bytes]:
    """The body of a streamed answer, decoded, piece by piece; raises TooLargeError and CodingError."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding == "identity":
        yield from _counted(response.iter_raw(), limit_bytes)
    elif coding in {ACCEPTED, f"x-{ACCEPTED}"}:
        yield from _counted(_inflated(response.iter_raw()), limit_bytes)
    else:
        raise CodingError(coding)


def whole(response: httpx.Response, limit_bytes: int) -> httpx.Response:
    """The same answer, read: a new one that holds the decoded body."""
    body = b"".join(pieces(response, limit_bytes))
    dropped = {"content-encoding", "content-length", "transfer-encoding"}
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in dropped]
    return httpx.Response(response.status_code, headers=headers, content=body, request=response.request)


def _counted(blocks: Iterator[bytes], limit_bytes: int) -> Iterator[bytes]:
    left = limit_bytes
    for block in blocks:
        left -= len(block)
        if left < 0:
            raise TooLargeError
        yield block


def _inflated(blocks: Iterator[bytes]) -> Iterator[bytes]:
    engine = zlib.decompressobj(_GZIP_HEADER)
    try:
        for block in blocks:
            rest = block
            while rest and not engine.eof:
                yield engine.decompress(rest, PIECE_BYTES)
                rest = engine.unconsumed_tail
        yield from _tail(engine)
    except zlib.error as error:
        raise CodingError(str(error)) from error


def _tail(engine: zlib._Decompress) -> Iterator[bytes]:
    while not engine.eof:
        piece = engine.decompress(engine.unconsumed_tail, PIECE_BYTES)
        if not piece:
            return
        yield piece
