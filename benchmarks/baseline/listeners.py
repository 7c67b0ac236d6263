"""The two listeners: the one for calls, whose refusals have OpenAI's shape, and the one for probes."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from benchmarks.baseline.faults import Fault
from benchmarks.baseline.forward import BrokenOffError

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.baseline.metrics import Meters
    from benchmarks.baseline.serve import Gateway
    from headgate.plan.document import HttpLimits

READ_BYTES: Final = 256 * 1024
LINES: Final = 128
"""Header lines of a head, at most."""


class Connection(web.RequestHandler):
    """One connection of a caller."""

    def __init__(self, server: CallServer, limits: HttpLimits) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.idle_ms / 1000,
            access_log=None,  # type: ignore[arg-type] # what aiohttp's own runner passes for no log
            auto_decompress=False,
            max_headers=LINES,
            max_line_size=limits.max_head_bytes,
            max_field_size=limits.max_head_bytes,
            read_bufsize=READ_BYTES,
        )
        self._server = server
        self.too_many = False
        """One more than there may be."""

    def end_rest(self) -> None:
        """Closes it if it waits for a request. One that has a request is closed behind its answer, by the drain."""
        if self._waiter is not None and not self._waiter.done():
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A request that could not be read, or an answer that was broken off."""
        if isinstance(exc, BrokenOffError) or request.writer.output_size > 0:
            raise BrokenOffError from exc
        if isinstance(exc, LineTooLong):
            fault = Fault(
                "head_too_large", "The head of the request is larger than `http.max_head`", cause=type(exc).__name__
            )
        elif isinstance(exc, HttpProcessingError):
            fault = Fault(
                "bad_framing", "This is not an HTTP request that has one reading only", cause=type(exc).__name__
            )
        else:
            fault = Fault("internal", "A defect of this gateway", cause=f"{status} {message} {exc!r}")
        return self._server.gateway.refuse(fault)


class CallServer(web.Server):
    """Takes connections of callers, and counts them."""

    def __init__(self, gateway: Gateway, limits: HttpLimits, meters: Meters) -> None:
        super().__init__(self._call, handler_cancellation=True)
        self.gateway = gateway
        self._limits = limits
        self._meters = meters

    def __call__(self) -> Connection:
        """Makes the protocol of a new connection."""
        return Connection(self, self._limits)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """A caller has connected."""
        super().connection_made(handler, transport)
        self._meters.connections.inc()
        if isinstance(handler, Connection):
            handler.too_many = len(self._connections) > self._limits.max_connections

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """A caller has gone."""
        super().connection_lost(handler, exc)
        self._meters.connections.dec()

    async def _call(self, request: web.BaseRequest) -> web.StreamResponse:
        if isinstance(request.protocol, Connection) and request.protocol.too_many:
            sentence = "More connections than `http.max_connections`: try again later"
            return self.gateway.refuse(Fault("too_many_connections", sentence))
        return await self.gateway.call(request)


class Ops:
    """Answers probes and scrapes."""

    def __init__(self, meters: Meters, drain: Callable[[], None]) -> None:
        self._meters = meters
        self._drain = drain
        self.ready = True

    async def call(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one question."""
        match request.method, request.rel_url.raw_path:
            case "GET" | "HEAD", "/livez":
                return web.Response(text="live\n")
            case "GET" | "HEAD", "/readyz":
                return web.Response(text="ready\n") if self.ready else web.Response(status=503, text="draining\n")
            case "GET" | "HEAD", "/metrics":
                self._meters.ready.set(self.ready)
                kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
                return web.Response(body=self._meters.render(), headers={"Content-Type": kind})
            case "POST", "/drain" if _is_local(request):
                self._drain()
                return web.Response(status=202, text="draining\n")
            case "POST", "/drain":
                return web.Response(status=403, text="drain: only from this machine, by loopback or unix socket\n")
            case _, "/livez" | "/readyz" | "/metrics":
                return web.Response(status=405, text="use GET, HEAD\n", headers={"Allow": "GET, HEAD"})
            case _, "/drain":
                return web.Response(status=405, text="use POST\n", headers={"Allow": "POST"})
        return web.Response(status=404, text="here are /livez, /readyz, /metrics and POST /drain\n")


def _is_local(request: web.BaseRequest) -> bool:
    peer: Any = request.get_extra_info("peername")
    return not isinstance(peer, tuple) or ipaddress.ip_address(peer[0]).is_loopback
