"""The loads that targets are compared under."""

from __future__ import annotations

from headgate.bench.compare.document import Cell
from headgate.errors import UsageError

KB = 1024
EVENTS = 64
FEW_EVENTS = 8  # of a stream whose beginning alone matters: more streams fit into a window
GAP_MS = 5.0
OPEN_CONNECTIONS = 512


def _closed(name: str, prompt_bytes: int, connections: int, *, features: bool = True) -> Cell:
    size = f"{prompt_bytes} B" if prompt_bytes < KB else _kilobytes(prompt_bytes)
    title = f"{size}, c={connections}" + ("" if features else ", features off")
    return Cell(name, title, "closed", prompt_bytes, connections, features=features)


def _kilobytes(size: int) -> str:
    return "1 MB" if size == KB * KB else f"{size // KB} KB"


def _streams(name: str, connections: int, events: int) -> Cell:
    many = f"{connections} streams" if connections > 1 else "one stream at a time"
    title = f"SSE, {many}, {events} events, {GAP_MS:.0f} ms apart"
    return Cell(name, title, "stream", 64, connections, events=events, gap_ms=GAP_MS)


SMALL = _closed("64b-c50", 64, 50)
OPEN = Cell("64b-open", "64 B, open loop at 60 % of the slower plain proxy", "open", 64, OPEN_CONNECTIONS, 0.6)
HEADLINE = (SMALL, _closed("64b-c1", 64, 1), _closed("100kb-c8", 100 * KB, 8), _streams("sse-c64", 64, EVENTS))
MORE = (
    _closed("64b-c8", 64, 8),
    _closed("1kb-c8", KB, 8),
    _closed("16kb-c8", 16 * KB, 8),
    _closed("400kb-c8", 400 * KB, 8),
    _closed("1mb-c8", KB * KB, 8),
    OPEN,
    _streams("sse-c1", 1, FEW_EVENTS),
    _closed("64b-c50-off", 64, 50, features=False),
)
FULL = (*HEADLINE, *MORE)


def select(wanted: str) -> tuple[Cell, ...]:
    """`headline`, `full`, or cells by name, in the order of the full list. Raises `UsageError` for any other name."""
    if wanted in ("headline", "full"):
        return HEADLINE if wanted == "headline" else FULL
    names = {name.strip() for name in wanted.split(",")} - {""}
    known = [cell.name for cell in FULL]
    unknown = names.difference(known)
    if unknown or not names:
        text = f"there is no cell `{sorted(unknown)[0]}`" if unknown else "no cell is named"
        raise UsageError(f"{text}; there are headline, full, {', '.join(known)}")
    return tuple(cell for cell in FULL if cell.name in names)
