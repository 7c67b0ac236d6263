"""A caller's body: read whole, or on its way through."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from aiohttp.web_exceptions import HTTPException
from aiohttp.web_protocol import RequestPayloadError

from benchmarks.baseline.faults import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from benchmarks.baseline.record import Record


def check_length(request: web.BaseRequest, limit: int, setting: str) -> None:
    """Refuses a body whose stated length is over its limit, before a byte of it is read."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit, setting)


def expected(request: web.BaseRequest) -> None:
    """Answers `Expect`: a client that waits for leave to send its body gets it."""
    expect = request.headers.get("Expect")
    if expect is None:
        return
    if expect.lower() != "100-continue":
        raise Fault("expectation_failed", "The only expectation that this gateway meets is `100-continue`")
    if not request.content.is_eof() and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def read(request: web.BaseRequest, limit: int, gap_s: float, record: Record) -> bytes:
    """The whole body. `gap_s`: how long it may stop arriving."""
    content = request.content
    if content.is_eof():
        body = content.read_nowait(-1) if not content.at_eof() else b""
    else:
        since = perf_counter()
        body = await _gather(request, limit, gap_s)
        record.waited(perf_counter() - since)
    if len(body) > limit:
        raise _too_large(limit, "http.max_body")
    record.request_bytes = len(body)
    return body


async def _gather(request: web.BaseRequest, limit: int, gap_s: float) -> bytes:
    pieces, length = [], 0
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(gap_s) as clock:
            while piece := await request.content.readany():
                clock.reschedule(loop.time() + gap_s)
                pieces.append(piece)
                length += len(piece)
                if length > limit:
                    break
    except TimeoutError:
        raise _too_slow() from None
    except (RequestPayloadError, HTTPException) as error:
        raise Fault("bad_framing", "The body is not framed as its head says", cause=type(error).__name__) from None
    return b"".join(pieces)


class Upload:
    """A body that goes on as it comes, never larger than its limit. A fault of the caller's is kept in `fault`."""

    def __init__(self, request: web.BaseRequest, limit: int, gap_s: float, record: Record) -> None:
        self._request = request
        self._limit = limit
        self._gap_s = gap_s
        self._record = record
        self.fault: Fault | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The pieces as they come."""
        while piece := await self._next():
            self._record.request_bytes += len(piece)
            if self._record.request_bytes > self._limit:
                self.fault = _too_large(self._limit, "http.max_upload")
                raise self.fault
            yield piece

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(self._gap_s):
                return await self._request.content.readany()
        except TimeoutError:
            self.fault = _too_slow()
            raise self.fault from None


def _too_large(limit: int, setting: str) -> Fault:
    return Fault(
        "body_too_large",
        f"The body is larger than {limit} bytes, the limit `{setting}` of this gateway: send less, or have it raised",
    )


def _too_slow() -> Fault:
    return Fault("request_timeout", "The body stopped arriving for longer than `http.read_gap`")
