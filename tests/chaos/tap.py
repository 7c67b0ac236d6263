"""Relays that write down what passes: every byte, when it came, and how each side ended."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Side = Literal["gateway", "provider"]
End = Literal["eof", "reset"]
BUFFERED_BYTES = 256 * 1024
"""What a relay holds for a side that does not read; then it stops reading from the other."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of nothing: closing is a reset."""


@dataclass(frozen=True)
class Note:
    """Something that a side did: it sent bytes, or it ended."""

    at: float
    """`time.monotonic()`."""
    side: Side
    data: bytes = b""
    end: End | None = None


@dataclass
class Leg:
    """One connection from the gateway, and the relay's own to the provider."""

    notes: list[Note] = field(default_factory=list)

    def note(self, side: Side, data: bytes = b"", end: End | None = None) -> None:
        """Writes down what a side did; a side ends once."""
        if end is None or self.ended(side) is None:
            self.notes.append(Note(time.monotonic(), side, data, end))

    def ended(self, side: Side) -> Note | None:
        """How and when a side ended."""
        return next((note for note in list(self.notes) if note.side == side and note.end), None)


@dataclass
class Tap:
    """A relay on a port of its own."""

    port: int
    target: str
    legs: list[Leg] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _open: set[asyncio.Transport] = field(default_factory=set)

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """What an endpoint of the policy says."""
        return f"http://{self.address}/v1"

    def forget(self) -> None:
        """Forgets what was written down. Not while a call is open."""
        self.legs[:] = [leg for leg in self.legs if not leg.ended("gateway")]
        for leg in self.legs:
            leg.notes.clear()


class Taps:
    """An event loop on a thread of its own, for all relays of a test."""

    def __init__(self) -> None:
        """Not started; see `with`."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # handshakes that fail are what is played here
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._taps: list[Tap] = []
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Taps:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.retire_all()
        for server in self._servers:
            self._loop.call_soon_threadsafe(server.close)
        self.run(asyncio.sleep(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the loop, from another thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def to(self, target: str) -> Tap:
        """A relay to `host:port`."""
        tap = Tap(0, target)
        tap._server = self.run(self._serve(lambda: _Gateway(tap, self._loop)))
        tap.port = tap._server.sockets[0].getsockname()[1]
        self._taps.append(tap)
        return tap

    def speak(self, words: bytes, tls: ssl.SSLContext | None = None) -> int:
        """A server that says `words` to whoever connects, and then nothing; its port."""
        return self.serve(lambda: _Speaker(words), tls)

    def serve(self, protocol: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None = None) -> int:
        """A server on this loop; its port."""
        server = self.run(self._serve(protocol, tls))
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def retire_all(self) -> None:
        """Closes all relays and their connections; what they wrote down stays."""

        async def close() -> None:
            for tap in self._taps:
                if tap._server is not None:
                    tap._server.close()
                for transport in list(tap._open):
                    transport.abort()

        self.run(close())

    async def _serve(
        self, protocol: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None = None
    ) -> asyncio.Server:
        return await self._loop.create_server(protocol, "127.0.0.1", 0, ssl=tls, backlog=128)


class _End(asyncio.Protocol):
    """One side of a relayed connection."""

    side: Side = "gateway"

    def __init__(self, tap: Tap, leg: Leg) -> None:
        self.tap, self.leg = tap, leg
        self.peer: _End | None = None
        self.transport: asyncio.Transport | None = None
        self.early: list[bytes] = []
        self.ended: End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.tap._open.add(transport)
        transport.set_write_buffer_limits(BUFFERED_BYTES)
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self.leg.note(self.side, data)
        if self.peer is None or self.peer.transport is None:
            self.early.append(data)
        else:
            self.peer.transport.write(data)

    def pause_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        assert self.transport is not None
        self.tap._open.discard(self.transport)
        self.ended = "reset" if error else "eof"
        self.leg.note(self.side, end=self.ended)
        if self.peer is not None:
            self.peer.end(self.ended)

    def end(self, how: End) -> None:
        """Ends this side as the other one did."""
        if self.transport is None or self.transport.is_closing():
            return
        if how == "eof":
            self.transport.close()
            return
        with suppress(OSError):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()


class _Gateway(_End):
    """The side that the gateway connected to."""

    def __init__(self, tap: Tap, loop: asyncio.AbstractEventLoop) -> None:
        leg = Leg()
        tap.legs.append(leg)
        super().__init__(tap, leg)
        self.loop = loop
        self.connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.connecting = self.loop.create_task(self.connect())

    async def connect(self) -> None:
        """Connects to the provider, and passes on what the gateway has said meanwhile."""
        provider = _Provider(self.tap, self.leg)
        host, _, port = self.tap.target.rpartition(":")
        try:
            await self.loop.create_connection(lambda: provider, host, int(port))
        except OSError:
            self.end("reset")
            return
        provider.peer, self.peer = self, provider
        assert provider.transport is not None
        for data in self.early:
            provider.transport.write(data)
        if self.ended is not None:
            provider.end(self.ended)
        if provider.ended is not None:
            self.end(provider.ended)
        for data in provider.early:
            assert self.transport is not None
            self.transport.write(data)


class _Provider(_End):
    """The relay's own connection to the provider."""

    side = "provider"


class _Speaker(asyncio.Protocol):
    """Says its words and holds the connection."""

    def __init__(self, words: bytes) -> None:
        self.words = words

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self.words:
            transport.write(self.words)
