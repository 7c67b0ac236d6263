"""The order of things: targets take turns within each round, and another one begins each time."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headgate.bench.compare import cells as known
from headgate.bench.compare.live import Scene, Unfit
from headgate.bench.compare.loader import LoaderEnded
from headgate.bench.compare.window import Plan
from headgate.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from headgate.bench.compare.document import Cell, Window
    from headgate.bench.compare.find import Peer
    from headgate.bench.compare.live import Live, Stage
    from headgate.bench.compare.options import CompareOptions
    from headgate.bench.compare.window import Meter

TRIES = 3  # of a window that others disturb
WARM_SPREAD = 0.03  # three windows in a row that agree so well end the warm-up
MOST_OF_CAPACITY = 0.9  # a target that would be busier than this is left out of an open loop


def scene_of(cell: Cell) -> Scene:
    """What a target is started for, to be measured in a cell."""
    if cell.mode != "stream":
        return Scene("answers", cell.features)
    return Scene("streams" if cell.events == known.EVENTS else "short streams", cell.features)


@dataclass
class Rounds:
    """Measures all windows of a run, and keeps what was seen in passing."""

    stage: Stage
    meter: Meter
    options: CompareOptions
    keep: Callable[[Window], None]  # hears of each window as it comes
    notes: list[str] = field(default_factory=list)
    unfit: dict[str, dict[str, str]] = field(default_factory=dict)  # target -> scene -> why it could not be measured
    fit: set[str] = field(default_factory=set)  # targets that answered right in one scene or more

    def run(self, peers: Sequence[Peer], cells: Sequence[Cell]) -> None:
        """Cells that need the same kind of provider are measured together, while all targets stand ready."""
        for scene in dict.fromkeys(scene_of(cell) for cell in cells):
            line = self._start(peers, scene)
            try:
                self._measure(line, [cell for cell in cells if scene_of(cell) == scene])
            finally:
                for live in line:
                    self.stage.processes.end(live.process)

    def _start(self, peers: Sequence[Peer], scene: Scene) -> list[Live]:
        line = []
        for peer in peers:
            self.options.say(f"starting {peer.name}")
            try:
                line.append(self.stage.start(peer, scene))
                self.fit.add(peer.name)
            except Unfit as error:
                self.unfit.setdefault(peer.name, {})[str(scene)] = str(error)
                self.options.say(f"{peer.name} is not measured with {scene}: {error}")
        return line

    def _measure(self, line: list[Live], cells: Sequence[Cell]) -> None:
        loads = list(self._loads(line, cells))
        for number in range(self.options.windows):
            for cell, per_second, takers in loads:
                for place in range(len(takers)):
                    live = takers[(number + place) % len(takers)]
                    if live.process.poll() is None:
                        self._window(live, Plan(cell, self.options.seconds, number, per_second))

    def _loads(self, line: list[Live], cells: Sequence[Cell]) -> Iterator[tuple[Cell, float | None, list[Live]]]:
        """Each cell with its rate, if it has one, and the targets that take part; all are warm then."""
        for cell in cells:
            if cell.mode != "open":
                for live in line:
                    self._warm_up(live, cell)
                yield cell, None, list(line)
            else:
                yield self._open_loop(line, cell)

    def _open_loop(self, line: list[Live], cell: Cell) -> tuple[Cell, float | None, list[Live]]:
        """The rate is a share of what the slower plain proxy, or without one the slowest floor, can do."""
        capacity = {live.name: self._warm_up(live, known.SMALL) for live in line}
        roles = {live.name: live.ready.manifest.role for live in line}
        of_role = {role: [capacity[name] for name in roles if roles[name] == role] for role in ("proxy", "floor")}
        base = of_role["proxy"] or of_role["floor"] or list(capacity.values())
        if not base:
            return cell, None, []
        rate = float(round((cell.share_of_capacity or 1.0) * min(base)))
        takers = [live for live in line if capacity[live.name] * MOST_OF_CAPACITY >= rate]
        self.notes.append(f"{cell.name}: {rate:,.0f} calls per second")
        for live in line:
            if live not in takers:
                able = capacity[live.name]
                self.notes.append(f"{live.name} is left out of {cell.name}: it can do {able:,.0f} calls per second")
        return cell, rate, takers

    def _warm_up(self, live: Live, cell: Cell) -> float:
        """Windows of a second until three in a row agree, or enough have passed; the last calls per second."""
        costs: list[float] = []
        rates = [0.0]
        second = min(1.0, self.options.seconds)
        for _ in range(self.options.warm_windows):
            window = self._once(live, Plan(cell, second, -1))
            if window is None:
                break
            costs.append(window.cpu_us_per_call)
            rates.append(window.calls_per_second)
            last = costs[-3:]
            if len(last) == 3 and max(last) - min(last) <= WARM_SPREAD * statistics.mean(last):
                break
        return statistics.median(rates[-3:])

    def _window(self, live: Live, plan: Plan) -> None:
        """One window, and its repetitions while others disturb it; all are kept as seen."""
        for _ in range(TRIES):
            window = self._once(live, plan)
            if window is None:
                return
            self.keep(window)
            self.options.say(progress(window))
            if window.disturbed is None or window.void is not None:
                return

    def _once(self, live: Live, plan: Plan) -> Window | None:
        """A window; None when the target has gone, which is noted once."""
        try:
            window = self.meter.measure(live, plan)
        except LoaderEnded:
            raise
        except (StartError, OSError) as error:
            self.notes.append(f"{live.name} failed in {plan.cell.name}: {error}")
            self.options.say(self.notes[-1])
            self.stage.processes.end(live.process)
            return None
        return window


def progress(window: Window) -> str:
    """A window on one line."""
    note = f"  VOID: {window.void}" if window.void else f"  disturbed: {window.disturbed}" if window.disturbed else ""
    cost = f"{window.cpu_us_per_call:9.2f} µs/call {window.calls_per_second:9,.0f}/s"
    return f"{window.round + 1:>2} {window.cell:<12} {window.target:<12} {cost}{note}"
