"""One window: a load on one target for some seconds, what it cost, and whether it says anything."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.bench.compare import cpu, loads
from headgate.bench.compare.check import Counts, flaw
from headgate.bench.compare.document import Window

if TYPE_CHECKING:
    from headgate.bench.compare.document import Cell
    from headgate.bench.compare.live import Live
    from headgate.bench.compare.loader import Loader
    from headgate.bench.compare.process import Cores
    from headgate.bench.compare.providers import Bill
    from headgate.bench.result import Hist, LoadResult

MOST_BY_OTHERS = 0.08  # of a core
_SETTLE_S = 1.0  # how long counters may take to hear of the last call


@dataclass(frozen=True)
class Plan:
    """What is measured; `per_second` is for an open loop."""

    cell: Cell
    seconds: float
    round: int
    per_second: float | None = None


@dataclass(frozen=True)
class Meter:
    """Measures windows, one at a time."""

    loader: Loader
    cores: Cores
    began: float  # of the run, by the monotonic clock

    def measure(self, live: Live, plan: Plan) -> Window:
        """Loads a target. Raises `StartError` when the load cannot begin."""
        spec = loads.spec(live, plan.cell, plan.seconds, plan.per_second)
        counts_before = _Counters.read(live)
        at_s = time.monotonic() - self.began
        before = self._clock(live)
        load = self.loader.run(spec)
        used = self._clock(live).since(before)
        counts = _settled(live, counts_before, load)
        sent = loads.sent_bytes(live, plan.cell) if live.ready.manifest.spliced else None
        void = _ended(live) or flaw(load, Counts(counts.bill, counts.calls, sent))
        return _window(_Seen(live.name, plan, at_s, load, used, self.cores), void)

    def _clock(self, live: Live) -> _Clock:
        gateway, provider = cpu.seconds(live.process.pid), cpu.seconds(live.provider.process.pid)
        busy = cpu.cores_busy()
        cores = (busy[self.cores.gateway], busy[self.cores.other])
        own = time.process_time()
        return _Clock(time.monotonic(), gateway, provider, cpu.seconds(self.loader.pid), own, cores)


@dataclass(frozen=True)
class _Clock:
    """Seconds so far: by the wall, and of CPU."""

    wall: float
    gateway: float
    provider: float
    load: float
    harness: float
    cores: tuple[float, float]

    def since(self, before: _Clock) -> _Clock:
        return _Clock(
            self.wall - before.wall,
            self.gateway - before.gateway,
            self.provider - before.provider,
            self.load - before.load,
            self.harness - before.harness,
            (self.cores[0] - before.cores[0], self.cores[1] - before.cores[1]),
        )

    @property
    def others(self) -> float:
        """CPU time on both cores that nobody here used."""
        return max(0.0, sum(self.cores) - self.gateway - self.provider - self.load - self.harness)


@dataclass(frozen=True)
class _Counters:
    """What the provider and the target's own metrics have counted."""

    bill: Bill
    calls: int | None

    @classmethod
    def read(cls, live: Live) -> _Counters:
        try:
            calls = live.counted()
        except OSError:
            calls = -1  # a target that has ended; it says so itself
        return cls(live.provider.bill(), calls)

    def since(self, before: _Counters) -> _Counters:
        known = self.calls is not None and before.calls is not None
        calls = (self.calls or 0) - (before.calls or 0) if known else None
        return _Counters(self.bill.since(before.bill), calls)


def _settled(live: Live, before: _Counters, load: LoadResult) -> _Counters:
    """What was counted since; counters may hear of a call a moment after its last byte."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        counted = _Counters.read(live).since(before)
        agree = counted.bill.calls == load.good and counted.calls in (None, load.good)
        if agree or time.monotonic() > deadline:
            return counted
        time.sleep(0.02)


def _ended(live: Live) -> str | None:
    code = live.process.poll()
    return None if code is None else f"the target ended with exit code {code}"


@dataclass(frozen=True)
class _Seen:
    target: str
    plan: Plan
    at_s: float
    load: LoadResult
    used: _Clock
    cores: Cores


def _window(seen: _Seen, void: str | None) -> Window:
    load, used, cell = seen.load, seen.used, seen.plan.cell
    calls, elapsed = max(load.answered, 1), max(load.elapsed_s, 1e-9)
    others = used.others / used.wall
    streams = cell.mode == "stream"
    return Window(
        target=seen.target,
        cell=cell.name,
        round=seen.plan.round,
        at_s=round(seen.at_s, 3),
        seconds=load.elapsed_s,
        calls=load.good,
        calls_per_second=load.good / elapsed,
        cpu_us_per_call=1e6 * used.gateway / calls,
        provider_us_per_call=1e6 * used.provider / calls,
        load_us_per_call=1e6 * used.load / calls,
        p50_us=load.latency.p50_us if load.latency else 0.0,
        p90_us=load.latency.p90_us if load.latency else 0.0,
        p99_us=load.latency.p99_us if load.latency else 0.0,
        p999_us=load.latency.p999_us if load.latency else 0.0,
        ttft_p50_us=load.ttft.p50_us if streams and load.ttft else None,
        ttft_p99_us=load.ttft.p99_us if streams and load.ttft else None,
        frames=load.frames,
        cpu_us_per_event=1e6 * used.gateway / load.frames if streams and load.frames else None,
        event_delay_p50_us=_p50(load.stamped) if streams else None,
        event_delay_p99_us=_p99(load.stamped) if streams else None,
        late_calls=load.health.late_calls,
        others_share=others,
        gateway_core_busy=used.cores[0] / used.wall,
        other_core_busy=used.cores[1] / used.wall,
        void=void,
        disturbed=f"other processes took {others:.0%} of a core" if others > MOST_BY_OTHERS else None,
    )


def _p50(hist: Hist | None) -> float | None:
    return hist.p50_us if hist else None


def _p99(hist: Hist | None) -> float | None:
    return hist.p99_us if hist else None
