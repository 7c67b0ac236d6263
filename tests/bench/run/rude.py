"""Servers that do not do what a gateway does, each on a port of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Manners = Callable[[socket.socket], None]
"""What is done with a connection; it is closed afterwards."""


@contextmanager
def server(manners: Manners) -> Iterator[str]:
    """A server; yields its base URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        threading.Thread(target=_accept, args=(listener, manners), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, manners: Manners) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_treat, args=(connection, manners), daemon=True).start()


def _treat(connection: socket.socket, manners: Manners) -> None:
    with connection, suppress(OSError):
        manners(connection)


def hang(connection: socket.socket) -> None:
    """Reads all and answers nothing."""
    while connection.recv(1 << 16):
        pass


def close(connection: socket.socket) -> None:
    """Closes when it has heard something."""
    connection.recv(1 << 16)


def saying(answer: bytes) -> Manners:
    """Says the same to every request, each of which has to come in one piece."""

    def say(connection: socket.socket) -> None:
        while connection.recv(1 << 16):
            connection.sendall(answer)

    return say


def once(answer: bytes) -> Manners:
    """Says something to the first request, and closes."""

    def say(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(answer)

    return say


def whole(body: bytes, kind: str, status: str = "200 OK") -> bytes:
    """An answer with its length."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
