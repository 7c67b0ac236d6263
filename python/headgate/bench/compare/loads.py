"""A cell as the load engine is told it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.bench.compare.providers import body
from headgate.bench.spec import Call, Closed, Constant, Expect, Same, Spec

if TYPE_CHECKING:
    from headgate.bench.compare.document import Cell
    from headgate.bench.compare.live import Live

TIMEOUT_MS = 60_000


def spec(live: Live, cell: Cell, seconds: float, per_second: float | None = None) -> Spec:
    """The load of a window; an open loop needs `per_second`."""
    stream = cell.mode == "stream"
    arrivals = Closed(connections=cell.connections) if per_second is None else Constant(per_second=per_second)
    return _spec(live, cell.prompt_bytes, stream=stream).model_copy(
        update={
            "arrivals": arrivals,
            "max_connections": cell.connections,
            "duration_ms": round(seconds * 1000),
            "expect": live.expect(stream=stream),
        }
    )


def held(live: Live, streams: int) -> Spec:
    """So many streams that stay open until the load is stopped."""
    update = {"arrivals": Closed(connections=streams), "max_connections": streams, "duration_ms": 600_000}
    return _spec(live, 64, stream=True).model_copy(update=update)


def sent_bytes(live: Live, cell: Cell) -> int:
    """The length of the body that the provider must get for each call of a cell, from a target that only splices."""
    return len(body(live.provider.model, cell.prompt_bytes, stream=cell.mode == "stream"))


def _spec(live: Live, prompt_bytes: int, *, stream: bool) -> Spec:
    ready = live.ready
    return Spec(
        url=f"http://127.0.0.1:{ready.port}/v1",
        headers=[("content-type", "application/json"), *ready.headers.items()],
        calls=Same(call=Call(path="/chat/completions", body=body(ready.model, prompt_bytes, stream=stream))),
        arrivals=Closed(connections=1),
        duration_ms=1000,
        timeout_ms=TIMEOUT_MS,
        expect=Expect(),
    )
