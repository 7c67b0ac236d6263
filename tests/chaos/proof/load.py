"""Callers that make calls one after the other, and write down what each saw."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from tests.chaos.proof.client import Connection, Seen
from tests.chaos.proof.kinds import Call

CALLERS = 48
_TRY_AGAIN_S = 0.01


@dataclass
class Callers:
    """All callers; they wait while there is no gateway, and make each call once, whatever comes of it."""

    calls: Iterator[Call]
    file: IO[str]
    begun: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    address: tuple[str, int] | None = None
    _up: asyncio.Event = field(default_factory=asyncio.Event)

    def serve_at(self, address: str) -> None:
        """There is a gateway."""
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))
        self._up.set()

    def is_gone(self) -> None:
        """There is none."""
        self._up.clear()

    async def run(self) -> None:
        """Until all calls are made and have ended."""
        await asyncio.gather(*(self._run() for _ in range(CALLERS)))

    async def _run(self) -> None:
        connection: Connection | None = None
        for call in self.calls:
            while connection is None or not connection.is_open:
                connection = await self._connect()
            self.begun += 1
            began_ns = time.time_ns()
            seen = await connection.ask(call.request, call.leaves_after_s)
            self._note(call, seen, began_ns)
            if not seen.is_open:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    async def _connect(self) -> Connection | None:
        await self._up.wait()
        assert self.address is not None
        try:
            _, connection = await asyncio.get_running_loop().create_connection(Connection, *self.address)
        except OSError:
            await asyncio.sleep(_TRY_AGAIN_S)
            return None
        return connection

    def _note(self, call: Call, seen: Seen, began_ns: int) -> None:
        line: dict[str, Any] = {
            "name": call.name,
            "kind": call.kind,
            "agent": call.agent,
            "model": call.model,
            "fault": call.fault,
            "left": call.leaves_after_s is not None and not seen.whole,
            "status": seen.status,
            "id": seen.id,
            "whole": seen.whole,
            "shared": seen.shared,
            "total_tokens": seen.total_tokens,
            "began_ns": began_ns,
            "ended_ns": time.time_ns(),
        }
        self.file.write(json.dumps(line) + "\n")
        self.outcomes[_outcome(line)] += 1


def _outcome(line: dict[str, Any]) -> str:
    if line["left"]:
        return "left"
    if line["status"] is None or not line["whole"]:
        return "torn"
    if line["status"] == 200:
        return "shared" if line["shared"] else "answered"
    return "refused" if line["status"] in (402, 429) else "failed"
