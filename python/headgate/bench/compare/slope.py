"""What each KB of prompt costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.bench.compare.cells import KB
from headgate.bench.compare.document import Slope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.bench.compare.document import Cell, Row

SMALLEST, LARGEST = KB, 400 * KB
CONNECTIONS = 8


def slopes(cells: Sequence[Cell], rows: Sequence[Row]) -> list[Slope]:
    """CPU time between the cells of 1 KB and 400 KB; targets without a row in both have none."""
    by_size: Mapping[int, str] = {
        cell.prompt_bytes: cell.name
        for cell in cells
        if (cell.mode, cell.connections, cell.features) == ("closed", CONNECTIONS, True)
    }
    cost = {(row.cell, row.target): row.cpu_us_per_call for row in rows}
    small, large = by_size.get(SMALLEST, ""), by_size.get(LARGEST, "")
    kilobytes = (LARGEST - SMALLEST) / KB
    return [
        Slope(target, SMALLEST, LARGEST, (cost[large, target] - cost[small, target]) / kilobytes)
        for cell, target in cost
        if cell == small and (large, target) in cost
    ]
