"""An answer on its way from a provider to the caller.

Bytes go on as they come. An answer that was cut never looks whole: a stream gets its dialect's error event, and
whatever was begun is broken off behind that.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web
from multidict import CIMultiDict

from benchmarks.baseline import faults
from benchmarks.baseline.answers import Lines, ours
from benchmarks.baseline.deadlines import Deadline
from benchmarks.baseline.events import Events
from benchmarks.baseline.faults import Fault
from benchmarks.baseline.headers import coming_back

if TYPE_CHECKING:
    from benchmarks.baseline.attempt import Answer
    from benchmarks.baseline.phase import Phase
    from benchmarks.baseline.record import Record


class BrokenOffError(ConnectionResetError):
    """An answer was begun and cannot be finished: its connection is closed behind what was written."""


class _Stream(web.StreamResponse):
    """An answer whose head goes out with the first piece, in one write: by then that piece is there."""

    _send_headers_immediately = False


class Forward:
    """One answer."""

    def __init__(self, request: web.BaseRequest, answer: Answer, record: Record, phase: Phase) -> None:
        self._request = request
        self._answer = answer
        self._record = record
        self._phase = phase
        self._clock: asyncio.Timeout | None = None
        self._due = answer.deadlines.whole
        self._writing = False

    async def run(self, stream: str | None, extra: Lines) -> web.StreamResponse:
        """Passes the answer on; `stream` is the kind of event stream that the call's row allows."""
        response = self._answer.response
        lines = self._lines(extra)
        if stream is not None and _is_event_stream(self._answer):
            return await self._pass(_Stream(status=response.status, headers=lines), Events(stream))
        if response.content.at_eof() and self._request.method != "HEAD":
            self._record.response_bytes = len(self._answer.first)
            self._record.close()
            return web.Response(status=response.status, body=self._answer.first, headers=lines)
        if response.content_length is not None:
            lines["Content-Length"] = str(response.content_length)
        return await self._pass(_Stream(status=response.status, headers=lines), None)

    def _lines(self, extra: Lines) -> CIMultiDict[str]:
        record, answer = self._record, self._answer
        lines = CIMultiDict([*coming_back(answer.response.headers), *ours(record), *extra])
        if "x-request-id" not in lines:
            lines.add("x-request-id", record.id)
        lines.add("headgate-provider", answer.series.provider)
        lines.add("headgate-deployment", answer.series.deployment)
        lines.add("headgate-overhead-us", str(int(record.answers(answer.response.status) * 1e6)))
        return lines

    async def _pass(self, out: web.StreamResponse, events: Events | None) -> web.StreamResponse:
        if events is not None:
            self._record.streams()
            self._due = self._answer.deadlines.first()
        if self._phase.closing:
            out.force_close()
        try:
            async with asyncio.timeout_at(self._due.at) as self._clock:
                await out.prepare(self._request)
                rest = await self._pieces(out, events)
                if rest:
                    await self._write(out, rest)
        except TimeoutError:
            due = Deadline(0, "client_stalled") if self._writing else self._due
            await self._break_off(out, events, due.fault())
        except Fault as fault:
            await self._break_off(out, events, fault)
        except asyncio.CancelledError:
            self._answer.response.close()
            task = asyncio.current_task()
            if task is None or not self._phase.cut:
                raise
            task.uncancel()
            await self._break_off(out, events, Fault("drain_cut", faults.DRAIN_CUT))
        except ConnectionError:
            self._answer.response.close()
            raise
        self._record.close()
        return out

    async def _pieces(self, out: web.StreamResponse, events: Events | None) -> bytes:
        """Passes on what comes. Returns what is still to be sent when the provider has ended well."""
        piece = self._answer.first
        while piece:
            if events is None:
                await self._write(out, piece)
            else:
                whole, data = events.push(piece)
                if data and events.content:
                    self._content()
                if whole:
                    await self._write(out, whole)
            piece = await self._answer.upstream.piece(self._answer.response)
        rest = b"" if events is None else events.end()
        if rest is None:
            raise Fault(
                "stream_cut",
                "The provider ended the stream before it was whole: what came so far is not a complete answer",
            )
        return rest

    def _content(self) -> None:
        self._record.first_token()
        self._due = self._answer.deadlines.idle(asyncio.get_running_loop().time())
        if self._clock is not None:
            self._clock.reschedule(self._due.at)

    async def _write(self, out: web.StreamResponse, piece: bytes) -> None:
        self._record.response_bytes += len(piece)
        self._writing = True
        await out.write(piece)
        self._writing = False

    async def _break_off(self, out: web.StreamResponse, events: Events | None, fault: Fault) -> None:
        """Ends an answer that cannot be whole; returns if nothing of it is missing after all."""
        self._answer.response.close()
        if events is not None and events.over:
            return
        self._record.cut(fault)
        if events is not None and fault.code != "client_stalled":
            await out.write(faults.event(fault, self._record.id, events.number))
        raise BrokenOffError


def _is_event_stream(answer: Answer) -> bool:
    headers = answer.response.headers
    plain = headers.get("Content-Encoding", "identity").lower() == "identity"
    named = headers.get("Content-Type", "")[:17].lower() == "text/event-stream"
    return plain and named and 200 <= answer.response.status < 300
