"""A proxy between the gateway and a provider: `CONNECT`, and requests in absolute form."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit


class Proxy:
    """Listens on a free port while its `with` block lasts; `asked` holds the first line of each connection."""

    def __init__(self) -> None:
        """Binds."""
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Proxy:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for one in self._sockets:
            _end(one)
        for thread in self._threads:
            thread.join(5)
        for one in [self._listener, *self._sockets]:
            one.close()

    def _start(self, work: object, *arguments: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(caller)
            self._start(self._serve, caller)

    def _serve(self, caller: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            got = caller.recv(65536)
            if not got:
                return
            head += got
        first, _, rest = head.partition(b"\r\n")
        self.asked.append(first.decode("latin-1"))
        method, target, version = first.split(b" ")
        authority = target.decode() if method == b"CONNECT" else urlsplit(target.decode()).netloc
        host, _, port = authority.rpartition(":")
        provider = socket.create_connection((host, int(port)))
        self._sockets.append(provider)
        if method == b"CONNECT":
            caller.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            path = target.partition(b"//")[2].partition(b"/")[2]
            provider.sendall(method + b" /" + path + b" " + version + b"\r\n" + rest)
        self._start(_pipe, provider, caller)
        _pipe(caller, provider)


def _pipe(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _end(sink)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
