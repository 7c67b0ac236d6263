"""Who is who in a comparison, and which of its figures belong together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from headgate.bench.compare.document import Cell, Comparison, Difference, Ratio, Row

Role = Literal["ours", "floor", "plain", "other"]

FLOORS = ("floor", "relay")
PLAIN = ("nginx", "haproxy")
OURS = ("headgated", "ours", "headgate", "serve")


@dataclass(frozen=True)
class Field:
    """A comparison, and where to find things in it."""

    of: Comparison

    @cached_property
    def names(self) -> list[str]:
        """Targets of which something was measured, in the order of the document, then those only seen in figures."""
        seen = [target.name for target in self.of.targets]
        return list(dict.fromkeys([*seen, *(row.target for row in self.of.rows), *(w.target for w in self.of.windows)]))

    @cached_property
    def floor(self) -> str | None:
        """The target that only moves bytes."""
        return next((name for name in FLOORS if name in self.names), None)

    @cached_property
    def ours(self) -> str | None:
        """The target that the headline is about."""
        return next((name for name in OURS if name in self.names), None)

    def role(self, name: str) -> Role:
        """What part a target plays."""
        if name in OURS:
            return "ours"
        if name == self.floor:
            return "floor"
        return "plain" if name in PLAIN else "other"

    def title(self, name: str) -> str:
        """A target as a reader calls it; a name that is no target's stands for the better plain proxy."""
        found = next((target.title for target in self.of.targets if target.name == name), None)
        return found or (name if name in self.names else "the better plain proxy")

    def cell(self, name: str) -> Cell | None:
        """A cell by its name."""
        return next((cell for cell in self.of.cells if cell.name == name), None)

    def cell_title(self, name: str) -> str:
        """A cell as a reader calls it."""
        cell = self.cell(name)
        return cell.title if cell else name

    def row(self, cell: str, target: str) -> Row | None:
        """What was made of a target's windows in a cell."""
        return next((row for row in self.of.rows if (row.cell, row.target) == (cell, target)), None)

    def ratio(self, cell: str, target: str, over: str | None) -> Ratio | None:
        """CPU over another's; of events where the cell is one of streams and that was taken, else of calls."""
        found = {
            ratio.figure: ratio
            for ratio in self.of.ratios
            if (ratio.cell, ratio.target, ratio.over) == (cell, target, over)
        }
        return found.get("events") or found.get("cpu")

    def over_plain(self, cell: str, target: str) -> Ratio | None:
        """CPU over the better plain proxy's. Where that was not taken as such, over the one that asks most of us."""
        overs = dict.fromkeys(ratio.over for ratio in self.of.ratios)
        for over in overs:
            if over not in self.names and (found := self.ratio(cell, target, over)):
                return found
        found_over = [ratio for over in PLAIN if (ratio := self.ratio(cell, target, over))]
        return max(found_over, key=lambda ratio: ratio.median, default=None)

    def capacity(self, cell: str, over: str) -> Ratio | None:
        """Calls per core-second of ours over another gateway's."""
        found = (r for r in self.of.ratios if (r.cell, r.target, r.over) == (cell, self.ours, over))
        return next((ratio for ratio in found if ratio.figure == "throughput"), None)

    def difference(self, cell: str, target: str, figure: str) -> Difference | None:
        """How much later than the floor a target answers."""
        return next(
            (
                d
                for d in self.of.differences
                if (d.cell, d.target, d.over, d.figure) == (cell, target, self.floor, figure)
            ),
            None,
        )

    def distances(self, cell: str) -> list[Distance]:
        """CPU of each target as multiples of the floor's, the nearest first; the floor itself is 1 by definition."""
        found = (self._distance(cell, target) for target in self.names)
        return sorted((one for one in found if one), key=lambda one: one.times)

    def _distance(self, cell: str, target: str) -> Distance | None:
        if target == self.floor:
            return Distance(target, 1.0, None) if self.row(cell, target) else None
        ratio = self.ratio(cell, target, self.floor)
        if ratio and math.isfinite(ratio.median):
            return Distance(target, ratio.median, (ratio.low, ratio.high))
        row, floor = self.row(cell, target), self.row(cell, self.floor) if self.floor else None
        if row is None or floor is None or not floor.cpu_us_per_call > 0:
            return None
        return Distance(target, row.cpu_us_per_call / floor.cpu_us_per_call, None)


@dataclass(frozen=True)
class Distance:
    """How far from the floor: its multiple, and the interval where rounds were paired."""

    target: str
    times: float
    interval: tuple[float, float] | None


def is_streams(cell: Cell | None) -> bool:
    """Whether events are what is counted in a cell."""
    return cell is not None and cell.mode == "stream"
