"""A provider that says what the test says, when the test says so."""

from __future__ import annotations

import queue
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

WAIT_S = 10.0


@dataclass
class Exchange:
    """One request, and its answer as far as the test has given it."""

    head: str
    body: bytes
    socket: socket.socket
    ended: threading.Event = field(default_factory=threading.Event)

    def answer(self, body: bytes, status: int = 200, media: str = "application/json") -> None:
        """Gives a whole answer."""
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        self.ended.set()

    def begin(self, media: str = "text/event-stream") -> None:
        """Sends the head of an answer in chunks."""
        self.socket.sendall(f"HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ntransfer-encoding: chunked\r\n\r\n".encode())

    def send(self, piece: bytes) -> None:
        """Sends a chunk."""
        self.socket.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def end(self) -> None:
        """Ends the answer."""
        self.socket.sendall(b"0\r\n\r\n")
        self.ended.set()

    def cut(self) -> None:
        """Closes the connection."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.ended.set()

    def wait_until_given_up(self) -> None:
        """Waits until the other side has closed the connection."""
        self.socket.settimeout(WAIT_S)
        with suppress(ConnectionResetError):
            assert self.socket.recv(1) == b""
        self.ended.set()


class Scripted:
    """Listens on a free port while its `with` block lasts."""

    def __init__(self) -> None:
        """Binds."""
        self.asked = 0
        """How many requests have come."""
        self._waiting: queue.Queue[Exchange] = queue.Queue()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._sockets: list[socket.socket] = []

    @property
    def url(self) -> str:
        """What an endpoint of the policy says."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> Scripted:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def take(self) -> Exchange:
        """The next request, once it has come whole."""
        return self._waiting.get(timeout=WAIT_S)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = b""
        with suppress(OSError):
            while True:
                while b"\r\n\r\n" not in buffer:
                    if not (got := connection.recv(1 << 16)):
                        return
                    buffer += got
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                length = next(
                    (
                        int(line.partition(b":")[2])
                        for line in head.split(b"\r\n")
                        if line.startswith(b"content-length")
                    ),
                    0,
                )
                while len(buffer) < length:
                    buffer += connection.recv(1 << 16)
                exchange = Exchange(head.decode("latin-1"), buffer[:length], connection)
                buffer = buffer[length:]
                self.asked += 1
                self._waiting.put(exchange)
                exchange.ended.wait()
