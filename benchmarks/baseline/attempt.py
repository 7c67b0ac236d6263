"""The order of attempts, and one attempt: from an endpoint's address to the first byte of its answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.baseline.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp
    from aiohttp import web

    from benchmarks.baseline.body import Upload
    from benchmarks.baseline.deadlines import Clock, Deadlines
    from benchmarks.baseline.metrics import AttemptSeries
    from benchmarks.baseline.record import Record
    from benchmarks.baseline.routing import Candidate, Route
    from benchmarks.baseline.upstream import Body, Upstream


class Answer(NamedTuple):
    """A provider's answer whose first piece is there; the piece is empty when the body is."""

    upstream: Upstream
    response: aiohttp.ClientResponse
    first: bytes
    deadlines: Deadlines
    series: AttemptSeries


class Outgoing(NamedTuple):
    """What a call sends, whatever place it goes to; the body may depend on the place."""

    request: web.BaseRequest
    body: Callable[[Candidate], Body]
    upload: Upload | None = None


async def run(route: Route, outgoing: Outgoing, clock: Clock, record: Record) -> Answer:
    """Tries places in order. Goes on only from a failure that left nothing at a provider; else it is the answer."""
    last = Fault("internal", "The call had nowhere to go")
    for candidate in route.candidates():
        for upstream in candidate.provider.in_turn():
            try:
                return await _exchange(candidate, upstream, outgoing, clock, record)
            except Fault as fault:
                if fault.row.retry != "elsewhere":
                    raise
                last = fault
    raise last


async def _exchange(
    candidate: Candidate, upstream: Upstream, outgoing: Outgoing, clock: Clock, record: Record
) -> Answer:
    deadlines = clock.start(asyncio.get_running_loop().time())
    record.tries()
    try:
        response, first = await _first_byte(upstream, outgoing, outgoing.body(candidate), clock, deadlines)
    except Fault as fault:
        caught = (outgoing.upload and outgoing.upload.fault) or fault
        record.tried(candidate.series, candidate.step, caught)
        raise caught from None
    record.tried(candidate.series, candidate.step, response.status)
    if response.status == 401:
        response.close()
        raise upstream.credential_rejected()
    return Answer(upstream, response, first, deadlines, candidate.series)


async def _first_byte(
    upstream: Upstream, outgoing: Outgoing, body: Body, clock: Clock, deadlines: Deadlines
) -> tuple[aiohttp.ClientResponse, bytes]:
    request = outgoing.request
    lines = upstream.lines(request.headers)
    if outgoing.upload is not None and request.content_length is not None:
        lines["Content-Length"] = str(request.content_length)
    target = request.rel_url.raw_path_qs.removeprefix("/v1")
    response: aiohttp.ClientResponse | None = None
    due = deadlines.first()
    try:
        async with asyncio.timeout_at(due.at):
            response = await upstream.send(request.method, target, lines, body, clock.connect)
            return response, await upstream.piece(response)
    except BaseException as error:
        if response is not None:
            response.close()
        if isinstance(error, TimeoutError):
            raise due.fault() from None
        raise
