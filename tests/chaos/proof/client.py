"""One connection of a caller, as cheap as Python makes it: whole answers are recognised, not read."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final

_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d\d\d)")
_ID: Final = re.compile(rb"\r\nheadgate-request-id: req_([0-9a-f]{32})")
_SHARED: Final = re.compile(rb"\r\nheadgate-coalesced: ")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_TOTAL: Final = re.compile(rb'"total_tokens": ?(\d+)[,}]')
"""With what stands behind it: the end of a chunk may stand between two digits."""
HEAD_END: Final = b"\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
"""No chunk of an event ends so: its lines end in one byte, and where they do not, it has no 0 before them."""
GIVES_UP_AFTER_S: Final = 30.0
_USAGE_WITHIN: Final = 2_000


@dataclass(slots=True)
class Seen:
    """What came of a call: as far as it came."""

    status: int | None = None
    id: str | None = None
    """The gateway's id of the call, 32 hex digits."""
    whole: bool = False
    """Its framing says that nothing is missing."""
    shared: bool = False
    total_tokens: int | None = None
    """What the answer says that was used."""
    is_open: bool = False
    """The connection can take another call."""


class Connection(asyncio.Protocol):
    """A connection that takes one call after the other."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._done: asyncio.Future[bool] | None = None
        self._need: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the other side has not closed it."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can be written to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """More of an answer."""
        self._buffer += data
        if self._need is None:
            self._read_head()
        if self._need is None:
            return
        if len(self._buffer) >= self._need if self._need else self._buffer.endswith(LAST_CHUNK):
            self._end(whole=True)

    def connection_lost(self, error: Exception | None) -> None:
        """No more will come."""
        self._transport = None
        self._end(whole=False)

    def _read_head(self) -> None:
        end = self._buffer.find(HEAD_END)
        if end < 0:
            return
        length = _LENGTH.search(self._buffer, 0, end + 2)
        bodiless = self._buffer.startswith((b"HTTP/1.1 204", b"HTTP/1.1 304"))
        self._need = end + 4 + int(length[1]) if length else end + 4 if bodiless else 0

    def _end(self, *, whole: bool) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(whole)

    async def ask(self, request: bytes, leaves_after_s: float | None) -> Seen:
        """One call, and what came of it. A caller who leaves closes the connection."""
        self._buffer.clear()
        self._need = None
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        if self._transport is None:
            return Seen()
        self._transport.write(request)
        leaves = loop.call_later(leaves_after_s or GIVES_UP_AFTER_S, self._leave, self._done)
        whole = await self._done
        leaves.cancel()
        return self._seen(whole=whole)

    def _leave(self, of: asyncio.Future[bool]) -> None:
        if not of.done() and self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Closes it."""
        if self._transport is not None:
            self._transport.abort()

    def _seen(self, *, whole: bool) -> Seen:
        head, _, _ = self._buffer.partition(HEAD_END)
        status = _STATUS.match(head)
        if status is None:
            return Seen()
        name = _ID.search(head)
        total = _TOTAL.findall(self._buffer, max(0, len(self._buffer) - _USAGE_WITHIN))
        return Seen(
            int(status[1]),
            name[1].decode() if name else None,
            whole,
            _SHARED.search(head) is not None,
            int(total[-1]) if total else None,
            self.is_open and b"connection: close" not in head.lower(),
        )
