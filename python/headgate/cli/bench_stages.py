"""`headgate bench stages`."""

from __future__ import annotations

from headgate.bench.run.options import size_bytes
from headgate.bench.stages.stages import stages as measure


def stages(
    seconds: float, connections: int, prompt_bytes: str, *, stream: bool, ops: str | None, as_json: bool
) -> None:
    """Prints where the time of a call goes."""
    size = size_bytes("prompt_bytes", prompt_bytes, prompt_bytes)
    found = measure(seconds, connections, size, stream=stream, ops=ops)
    print(found.to_json() if as_json else found.to_text())
