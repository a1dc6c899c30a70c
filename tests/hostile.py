"""A server on loopback that answers as somebody who means harm: written by hand, byte for byte."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MEBIBYTE = 1024 * 1024
MANY = 100
Answer = Callable[[socket.socket], None]


@dataclass
class Hostile:
    """The server: where it is, how it answers, how many bytes it got rid of and whether a client hung up on it."""

    answer: Answer
    port: int = 0
    sent: int = 0
    requests: list[bytes] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/"

    def serve(self, client: socket.socket) -> None:
        """Read one request and answer it, until the client hangs up."""
        with client, contextlib.suppress(OSError):
            self.requests.append(client.recv(65536))
            self.answer(client)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
        self.hung_up.set()


@contextlib.contextmanager
def hostile(answer: Answer) -> Iterator[Hostile]:
    """A server that answers every request in this way, while it lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Hostile(answer, listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener, found), daemon=True).start()
        yield found


def _accept(listener: socket.socket, server: Hostile) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=server.serve, args=(client,), daemon=True).start()


def head(kind: str = "application/json", **more: str) -> bytes:
    """The head of an answer 200."""
    lines = [f"Content-Type: {kind}", *(f"{name.replace('_', '-')}: {value}" for name, value in more.items())]
    return ("HTTP/1.1 200 OK\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()


def bomb(times: int, mebibytes: int) -> bytes:
    """As many MiB of blanks, compressed so many times."""
    body = gzip.compress(b" " * (mebibytes * MEBIBYTE)) if mebibytes < MANY else _blanks(mebibytes)
    for _ in range(times - 1):
        body = gzip.compress(body)
    return body


def _blanks(mebibytes: int) -> bytes:
    """Compressed blanks without their check sum, which nobody gets to: one block of a MiB, again and again (RFC 1951)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    first, again = (packer.compress(b" " * MEBIBYTE) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * (mebibytes - 1)


def once(body: bytes, kind: str = "application/json", **more: str) -> Answer:
    """Answers with this body."""
    return lambda client: client.sendall(head(kind, **more) + body)


def endless(client: socket.socket) -> None:
    """A body without an end."""
    client.sendall(head())
    while True:
        client.sendall(b" " * 65536)


def dripping(client: socket.socket) -> None:
    """A head that never ends, of a byte at a time; as fast as a test has patience for, and never silent."""
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not threading.Event().wait(0.05):
        client.sendall(b"a")


def dripping_body(client: socket.socket) -> None:
    """A body that never ends, a byte at a time."""
    client.sendall(head())
    while not threading.Event().wait(0.05):
        client.sendall(b" ")
