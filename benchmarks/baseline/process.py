"""The life of a gateway: start, reload, drain, stop."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aiohttp import web

from benchmarks.baseline.listeners import CallServer, Connection, Ops
from benchmarks.baseline.log import Lines
from benchmarks.baseline.metrics import Meters
from benchmarks.baseline.record import Records
from benchmarks.baseline.serve import Gateway
from benchmarks.baseline.snapshot import Snapshot
from benchmarks.baseline.sockets import Listening, listen
from headgate import version
from headgate.engine.watch import Watch
from headgate.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.compile import Compiled
    from headgate.plan.document import Drain

INTERRUPT_GRACE_S: Final = 10.0
BUSY_S: Final = 1.0
"""How long a connection is kept when a drain closes: its next call may be on the wire."""
LAST_WORDS_S: Final = 1.0
LOOK_S: Final = 0.02
WATCH_S: Final = 0.5
"""How soon a change that the watch saw is acted upon."""


class Process:
    """A running gateway, within its event loop. Raises a `GatewayError` when it cannot start."""

    def __init__(self, compile_policy: Callable[[], Compiled]) -> None:
        self._compile = compile_policy
        compiled = compile_policy()
        self._plan = compiled.plan
        self._meters = Meters()
        self._lines = Lines(self._plan.log)
        self._gateway = Gateway(Snapshot.of(self._plan, self._meters), Records(self._meters, self._lines))
        self._sessions = {self._gateway.snapshot.sessions}
        self._watch = Watch(compiled)
        self._stop: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        """Done when a stop is wished; holds the most that open calls may take, if the signal limits it."""

    async def run(self) -> None:
        """Serves until it was asked to stop and the drain is over."""
        try:
            with self._watch:
                await self._serve()
        finally:
            for sessions in self._sessions:
                await sessions.close()

    async def _serve(self) -> None:
        where = self._plan.listen
        ops = Ops(self._meters, lambda: self._ask(None))
        server = CallServer(self._gateway, self._plan.http, self._meters)
        listening = await listen(server, where.data, where.tls)
        probes = await listen(web.Server(ops.call, access_log=None), where.ops)
        self._hear()
        where_now = {"data": listening.shown, "ops": probes.shown}
        self._lines.event("info", "serving", {**where_now, "workers": 1, "plan": self._plan.hash, "version": version()})
        watching = asyncio.create_task(self._follow())
        limit = await self._stop
        await self._drain(ops, server, listening, limit)
        watching.cancel()
        await probes.close()
        self._lines.event("info", "stopped", {})

    def _hear(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._signalled, signal.SIGTERM, None)
        loop.add_signal_handler(signal.SIGINT, self._signalled, signal.SIGINT, INTERRUPT_GRACE_S)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _signalled(self, number: signal.Signals, limit: float | None) -> None:
        if self._stop.done():  # who signals twice wants open calls to be cut
            os._exit(128 + number)
        self._ask(limit)

    def _ask(self, limit: float | None) -> None:
        if not self._stop.done():
            self._stop.set_result(limit)

    async def _follow(self) -> None:
        """Reloads when the files of the policy have changed."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._watch.changed():
                self._reload()

    def _reload(self) -> None:
        """Compiles and swaps. A bad policy changes nothing, and shows in the log and in the metrics."""
        try:
            compiled = self._compile()
            snapshot = Snapshot.of(compiled.plan, self._meters, self._gateway.snapshot)
        except GatewayError as error:
            self._meters.reloads.labels("refused").inc()
            self._meters.last_reload.set(0)
            self._lines.event("error", "reload_refused", {"message": str(error), "plan": self._plan.hash})
            return
        self._gateway.snapshot = snapshot
        self._sessions.add(snapshot.sessions)
        self._plan = snapshot.plan
        self._lines.settings = self._plan.log
        self._watch.follow(compiled)
        self._meters.reloads.labels("taken").inc()
        self._meters.last_reload.set(1)
        self._lines.event("info", "reloaded", {"plan": self._plan.hash})

    async def _drain(self, ops: Ops, server: CallServer, listening: Listening, limit: float | None) -> None:
        """Announces, closes, waits, cuts. `limit`: an interrupt, which announces nothing and waits so long at most."""
        accept_for_s, grace_s = _times(self._plan.drain, limit)
        fields = {"accept_for_ms": int(accept_for_s * 1000), "grace_ms": int(grace_s * 1000)}
        self._lines.event("info", "draining", fields)
        ops.ready = False
        self._gateway.phase.closing = True
        await asyncio.sleep(accept_for_s)
        await listening.close()
        await _ended(server, min(BUSY_S, grace_s))
        for connection in server.connections:
            if isinstance(connection, Connection):
                connection.end_rest()
        await _ended(server, max(0.0, grace_s - BUSY_S))
        self._gateway.cut()
        await _ended(server, LAST_WORDS_S)
        with suppress(asyncio.CancelledError):
            await server.shutdown(0)


def _times(drain: Drain, limit: float | None) -> tuple[float, float]:
    if limit is None:
        return drain.accept_for_ms / 1000, drain.grace_ms / 1000
    return 0.0, min(drain.grace_ms / 1000, limit)


async def _ended(server: CallServer, within_s: float) -> None:
    """Waits until the last connection has ended."""
    deadline = asyncio.get_running_loop().time() + within_s
    while server.connections and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(LOOK_S)
