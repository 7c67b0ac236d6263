"""Sockets that listen, and their end: what the kernel had accepted by then is still served."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import ssl
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headgate.errors import StartError
from headgate.plan.document import Unix

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.plan.document import Address, TlsFiles

    Protocols = Callable[[], asyncio.Protocol]

BACKLOG: Final = 1024
IN_USE: Final = 69
BAD_FILE: Final = 78

SO_ATTACH_FILTER: Final = 26
NO_SYN: Final = struct.pack("=" + "HBBI" * 4, 0x30, 0, 0, 13, 0x45, 0, 1, 0x02, 0x06, 0, 0, 0, 0x06, 0, 0, 0xFFFF)
"""A packet filter: load the byte of the flags, drop what has SYN set, pass the rest. Source: linux/filter.h."""
HANDSHAKES_S: Final = 0.01
"""How long a handshake that has begun takes to complete."""


class Listening:
    """A listening socket with the server that takes its connections."""

    def __init__(self, protocols: Protocols, address: Address, tls: ssl.SSLContext | None) -> None:
        self._protocols = protocols
        self._address = address
        self._tls = tls
        self._socket = _bind(address)
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Takes connections from here on."""
        loop = asyncio.get_running_loop()
        kept = self._socket.dup()  # the server closes its own
        self._server = await loop.create_server(self._protocols, sock=kept, ssl=self._tls, backlog=BACKLOG)

    @property
    def shown(self) -> str:
        """The address as callers write it, its port as the system chose it."""
        if isinstance(self._address, Unix):
            return _shown(self._address)
        return f"{self._address.tcp.rpartition(':')[0]}:{self._socket.getsockname()[1]}"

    async def close(self) -> None:
        """Takes no new connections. Those that the kernel holds were accepted as far as their callers know."""
        if not isinstance(self._address, Unix):
            admit_none(self._socket)
            await asyncio.sleep(HANDSHAKES_S)
        if self._server is not None:
            self._server.close()
        waiting = []
        with suppress(BlockingIOError):
            while True:
                waiting.append(self._socket.accept()[0])
        self._socket.close()
        if isinstance(self._address, Unix):
            Path(self._address.unix).unlink(missing_ok=True)
        for connection in waiting:
            connection.setblocking(False)  # noqa: FBT003 - the name of the method says it
            with suppress(OSError):
                loop = asyncio.get_running_loop()
                await loop.connect_accepted_socket(self._protocols, connection, ssl=self._tls)


async def listen(protocols: Protocols, address: Address, tls: TlsFiles | None = None) -> Listening:
    """Listens. Raises `StartError` when the address is taken."""
    listening = Listening(protocols, address, None if tls is None else _context(tls))
    await listening.open()
    return listening


def admit_none(listener: socket.socket) -> None:
    """Lets no new connection in; one that completed after the last `accept` would be reset by the close."""
    code = ctypes.create_string_buffer(NO_SYN, len(NO_SYN))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", 4, ctypes.addressof(code)))


def _bind(address: Address) -> socket.socket:
    try:
        if isinstance(address, Unix):
            return _bind_unix(address.unix)
        host, _, port = address.tcp.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        bound = socket.create_server((host.strip("[]"), int(port)), family=family, backlog=BACKLOG)
    except OSError as error:
        raise StartError(IN_USE, f"cannot listen on {_shown(address)}: {error.strerror}") from None
    bound.setblocking(False)  # noqa: FBT003 - the name of the method says it
    return bound


def _bind_unix(path: str) -> socket.socket:
    """Binds; the file of a gateway that is gone gives way."""
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(path) == 0:
            raise OSError(0, "another program listens there")
    Path(path).unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(path)
    bound.listen(BACKLOG)
    bound.setblocking(False)  # noqa: FBT003 - the name of the method says it
    return bound


def _shown(address: Address) -> str:
    return f"unix:{address.unix}" if isinstance(address, Unix) else address.tcp


def _context(tls: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(tls.cert, tls.key)
    except OSError as error:
        raise StartError(BAD_FILE, f"listen.tls: cannot read {tls.cert} and {tls.key}: {error}") from None
    return context
