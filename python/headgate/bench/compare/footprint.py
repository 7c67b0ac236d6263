"""How much memory a target holds in several states, and how soon after its start it answers a call."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headgate.bench.compare import cpu, loads
from headgate.bench.compare.cells import KB
from headgate.bench.compare.document import Cell, Memory, Start
from headgate.bench.compare.live import Scene, Unfit
from headgate.bench.compare.loader import LoaderEnded
from headgate.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.bench.compare.find import Peer
    from headgate.bench.compare.live import Live, Stage
    from headgate.bench.compare.loader import Loader

STARTS = 5
STARTS_WITHIN_S = 40  # then those that were seen must do
OPEN_STREAMS = (100, 1000)
OPEN_WITHIN_S = 30
QUIET_S = 1.0  # what start-up or a load left to do is done by then
IDLE, AFTER_LOAD, AFTER_LARGE = "idle", "after c=50", "50 x 1 MB"


@dataclass
class Footprints:
    """Measures targets one at a time, each started anew."""

    stage: Stage
    loader: Loader
    load_s: float
    notes: list[str] = field(default_factory=list)

    def memory(self, peer: Peer) -> list[Memory]:
        """Idle, after loads, and with streams held open; what could not be had is noted."""
        live = self.stage.start(peer, Scene("held"))
        try:
            return self._states(live)
        finally:
            self.stage.processes.end(live.process)

    def _states(self, live: Live) -> list[Memory]:
        time.sleep(QUIET_S)
        found = [_now(live, IDLE)]
        self._load(live, Cell(AFTER_LOAD, "", "closed", 64, 50))
        found.append(_now(live, AFTER_LOAD))
        for streams in OPEN_STREAMS:
            found += self._with_streams(live, streams)
        self._load(live, Cell(AFTER_LARGE, "", "closed", KB * KB, 50))
        return [*found, _now(live, AFTER_LARGE)]

    def _load(self, live: Live, cell: Cell) -> None:
        result = self.loader.run(loads.spec(live, cell, self.load_s))
        if result.failed:
            self.notes.append(f"memory of {live.name}, {cell.name}: {result.failed} of {result.sent} calls failed")

    def _with_streams(self, live: Live, streams: int) -> list[Memory]:
        before = live.provider.bill().calls
        self.loader.start(loads.held(live, streams))
        try:
            deadline = time.monotonic() + OPEN_WITHIN_S
            while (seen := live.provider.bill().calls - before) < streams:
                if time.monotonic() > deadline or live.process.poll() is not None:
                    self.notes.append(f"memory of {live.name}: only {seen} of {streams} streams could be held open")
                    return []
                time.sleep(0.05)
            time.sleep(QUIET_S)
            return [_now(live, f"{streams} open streams")]
        finally:
            self.loader.stop()

    def start(self, peer: Peer) -> Start:
        """Several starts, each until the first right answer. Raises `Unfit`."""
        took: list[float] = []
        began = time.monotonic()
        while len(took) < STARTS and (not took or time.monotonic() - began < STARTS_WITHIN_S):
            live = self.stage.start(peer, Scene("answers"))
            self.stage.processes.end(live.process)
            took.append(1000 * live.first_answer_s)
        return Start(peer.name, len(took), statistics.median(took), min(took))


def _now(live: Live, state: str) -> Memory:
    return Memory(live.name, state, *cpu.memory(live.process.pid))


def measured(footprints: Footprints, peers: Sequence[Peer], wanted: frozenset[str]) -> tuple[list[Memory], list[Start]]:
    """Of all targets; one that fails is noted, and the others go on."""
    memory: list[Memory] = []
    starts: list[Start] = []
    for peer in peers:
        try:
            if "starts" in wanted:
                starts.append(footprints.start(peer))
            if "memory" in wanted:
                memory += footprints.memory(peer)
        except LoaderEnded:
            raise
        except (Unfit, StartError, OSError) as error:
            footprints.notes.append(f"footprint of {peer.name}: {error}")
    return memory, starts
