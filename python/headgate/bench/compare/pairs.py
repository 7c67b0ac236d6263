"""Ratios and differences between targets, paired by round, with what the rounds leave open.

A slow minute of the machine hits all targets of a round, so that a ratio within a round is worth more than one of
medians. The interval is that of the bootstrap: rounds are drawn again with replacement, many times, and the median of
each draw is noted; 95 % of those lie within it. The same seed gives the same interval.
"""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.bench.compare.count import is_clean
from headgate.bench.compare.document import Difference, Ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from headgate.bench.compare.document import Cell, Window

DRAWS = 2000
WITHIN = 0.95
PLAIN = "plain"  # the better of the plain proxies, in each round

Figure = tuple[str, "Callable[[Window], float | None]"]
_CPU: Figure = ("cpu", lambda w: w.cpu_us_per_call)
_EVENTS: Figure = ("events", lambda w: w.cpu_us_per_event)
_P50: Figure = ("p50", lambda w: w.p50_us)
_P99: Figure = ("p99", lambda w: w.p99_us)
_TTFT_P50: Figure = ("ttft_p50", lambda w: w.ttft_p50_us)
_TTFT_P99: Figure = ("ttft_p99", lambda w: w.ttft_p99_us)
# Calls in a second of the gateway's own core: what its CPU time per call allows.
_THROUGHPUT: Figure = ("throughput", lambda w: 1e6 / w.cpu_us_per_call if w.cpu_us_per_call else None)


@dataclass(frozen=True)
class Field:
    """Who takes part: the windows, judged, and the role of each target."""

    cells: Sequence[Cell]
    windows: Sequence[Window]
    roles: Mapping[str, str]
    seed: int

    def values(self, cell: str, target: str, figure: Figure) -> dict[int, float]:
        """A figure of one target by round; of `plain`, the least of the plain proxies'."""
        if target == PLAIN:
            proxies = [self.values(cell, name, figure) for name in self.names("proxy")]
            rounds = {number for values in proxies for number in values}
            return {number: min(v[number] for v in proxies if number in v) for number in rounds}
        mine = (w for w in self.windows if (w.cell, w.target) == (cell, target) and is_clean(w))
        return {w.round: value for w in mine if (value := figure[1](w)) is not None}

    def names(self, *roles: str) -> list[str]:
        """Targets with one of these roles."""
        return [name for name, role in self.roles.items() if role in roles]


def ratios(field: Field) -> list[Ratio]:
    """Every target over the floor, each plain proxy and the better of them; ours over every other gateway too."""
    return [
        ratio
        for cell in field.cells
        for target, over, figures in _compared(field, cell)
        for figure in figures
        if (ratio := _ratio(field, (cell.name, target, over), figure)) is not None
    ]


def _compared(field: Field, cell: Cell) -> Iterable[tuple[str, str, list[Figure]]]:
    proxies = field.names("proxy")
    bases = [*field.names("floor"), *proxies, *([PLAIN] if proxies else [])]
    figures = [_EVENTS] if cell.mode == "stream" else [_CPU]
    if cell.mode == "open":
        figures = [*figures, _P99]
    for target, role in field.roles.items():
        for over in bases:
            if over != target and not (over == PLAIN and role in ("floor", "proxy")):
                yield target, over, figures
    for ours in field.names("ours"):
        for other in field.names("baseline", "peer", "serve"):
            yield ours, other, [*figures, _THROUGHPUT]


def _ratio(field: Field, of: tuple[str, str, str], figure: Figure) -> Ratio | None:
    cell, target, over = of
    above, below = field.values(cell, target, figure), field.values(cell, over, figure)
    rounds = [number for number in sorted(above) if below.get(number)]
    if not rounds:
        return None
    found = [above[number] / below[number] for number in rounds]
    low, high = interval(found, f"{field.seed} {cell} {target} {over} {figure[0]}")
    best = max if figure is _THROUGHPUT else min
    best_of = best(above.values()) / best(below.values())
    return Ratio(cell, target, over, figure[0], len(rounds), statistics.median(found), low, high, best_of)


def differences(field: Field) -> list[Difference]:
    """How much later targets answer than the floor, and in an open loop than the plain proxies."""
    found = []
    for cell in field.cells:
        for over in field.names(*(("floor", "proxy") if cell.mode == "open" else ("floor",))):
            for target in field.roles:
                for figure in _latencies(cell) if target != over else []:
                    found.append(_difference(field, (cell.name, target, over), figure))
    return [difference for difference in found if difference is not None]


def _latencies(cell: Cell) -> list[Figure]:
    if cell.mode == "stream":
        return [_TTFT_P50, _TTFT_P99]
    # With many connections in a closed loop, latency says how long the queue is and no more.
    return [_P50, _P99] if cell.mode == "open" or cell.connections == 1 else []


def _difference(field: Field, of: tuple[str, str, str], figure: Figure) -> Difference | None:
    cell, target, over = of
    above, below = field.values(cell, target, figure), field.values(cell, over, figure)
    found = [above[number] - below[number] for number in sorted(above) if number in below]
    if not found:
        return None
    low, high = interval(found, f"{field.seed} {cell} {target} {over} {figure[0]}")
    return Difference(cell, target, over, figure[0], len(found), statistics.median(found), low, high)


def interval(values: Sequence[float], seed: str) -> tuple[float, float]:
    """Where 95 % of the medians of draws with replacement lie."""
    if len(values) == 1:
        return values[0], values[0]
    chance = random.Random(seed)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(DRAWS))
    cut = round((1 - WITHIN) / 2 * DRAWS)
    return medians[cut], medians[DRAWS - 1 - cut]
