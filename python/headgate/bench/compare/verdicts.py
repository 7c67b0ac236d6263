"""What is asked of headgate, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.bench.compare.cells import KB
from headgate.bench.compare.document import Verdict
from headgate.bench.compare.footprint import AFTER_LOAD, IDLE
from headgate.bench.compare.pairs import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from headgate.bench.compare.document import Cell, Difference, Memory, Ratio, Slope, Start, SystemCalls

MIB = 1 << 20
MOST_X = {"64b-c50": 1.05, "64b-c8": 1.05, "100kb-c8": 0.9, "400kb-c8": 0.9}
MOST_D = {"64b-c50": 0.45, "64b-c8": 0.45}
MOST_P50_US = 15.0
MOST_SLOPE_US = 0.30
MOST_EVENTS = 1.4  # times HAProxy
MOST_TTFT_US = {"ttft_p50": 40.0, "ttft_p99": 150.0}
MOST_SYSTEM_CALLS = {50: 4.5, 1: 8.0}
MOST_MIB = {IDLE: 8, AFTER_LOAD: 16, "1000 open streams": 40}
MOST_SERVE_MIB = 64
MOST_START_MS = {"ours": 60, "serve": 600}
LEAST_THROUGHPUT = {"python": 25, "litellm": 300}
NO_ROUND = "not measured: no clean round of both"


@dataclass(frozen=True)
class Findings:
    """All that verdicts are about. `roles` are those of the targets that were measured."""

    cells: Sequence[Cell]
    roles: Mapping[str, str]
    ratios: Sequence[Ratio]
    differences: Sequence[Difference]
    slopes: Sequence[Slope]
    system_calls: Sequence[SystemCalls]
    memory: Sequence[Memory]
    starts: Sequence[Start]

    def of_role(self, role: str) -> str:
        """The target with this role; empty where there is none."""
        return next((name for name, has in self.roles.items() if has == role), "")

    def title(self, cell: str) -> str:
        """A cell as people call it."""
        return next((each.title for each in self.cells if each.name == cell), cell)

    def ratio(self, cell: str, over: str, figure: str) -> Ratio | None:
        """Ours over another target."""
        wanted = (cell, self.of_role("ours"), over, figure)
        return next((r for r in self.ratios if (r.cell, r.target, r.over, r.figure) == wanted), None)


def verdicts(found: Findings) -> list[Verdict]:
    """One for each figure that is asked for and whose cells were part of the run; none where headgate was not."""
    if not found.of_role("ours") and not found.of_role("serve"):
        return []
    parts: list[Callable[[Findings], Iterator[Verdict]]] = [
        _against_plain,
        _against_floor,
        _latency,
        _slope,
        _events,
        _first_tokens,
        _system_calls,
        _memory,
        _starts,
        _throughput,
    ]
    return [verdict for part in parts for verdict in part(found)]


def _against_plain(found: Findings) -> Iterator[Verdict]:
    for cell, most in MOST_X.items():
        if _is_part(found, cell):
            name = f"X, CPU per call over the better plain proxy, {found.title(cell)}"
            yield _of_ratio(name, found.ratio(cell, PLAIN, "cpu"), most)


def _against_floor(found: Findings) -> Iterator[Verdict]:
    for cell, most in MOST_D.items():
        if _is_part(found, cell):
            ratio = found.ratio(cell, found.of_role("floor"), "cpu")
            name = f"D, CPU per call above the floor, {found.title(cell)}"
            if ratio is None:
                yield Verdict(name, f"<= {most:.2f}", NO_ROUND, met=None)
                continue
            measured = f"{ratio.median - 1:.2f} [{ratio.low - 1:.2f}, {ratio.high - 1:.2f}]"
            yield Verdict(name, f"<= {most:.2f}", measured, met=ratio.median - 1 <= most)


def _latency(found: Findings) -> Iterator[Verdict]:
    if _is_part(found, "64b-c1"):
        yield _of_difference(found, ("64b-c1", "p50"), "L, p50 above the floor's, 64 B, c=1", MOST_P50_US)


def _slope(found: Findings) -> Iterator[Verdict]:
    if not (_is_part(found, "1kb-c8") and _is_part(found, "400kb-c8")):
        return
    slope = next((slope for slope in found.slopes if slope.target == found.of_role("ours")), None)
    name, wanted = f"slope, CPU per KB of prompt, 1 to {400 * KB // KB} KB", f"<= {MOST_SLOPE_US:.2f} µs/KB"
    if slope is None:
        yield Verdict(name, wanted, "not measured: no clean window in both cells", met=None)
    else:
        yield Verdict(name, wanted, f"{slope.us_per_kb:.3f} µs/KB", met=slope.us_per_kb <= MOST_SLOPE_US)


def _events(found: Findings) -> Iterator[Verdict]:
    if _is_part(found, "sse-c64"):
        name = f"CPU per event over HAProxy, {found.title('sse-c64')}"
        yield _of_ratio(name, found.ratio("sse-c64", "haproxy", "events"), MOST_EVENTS)


def _first_tokens(found: Findings) -> Iterator[Verdict]:
    """With one stream at a time where that was measured: streams that begin together wait for each other."""
    cell = next((cell for cell in ("sse-c1", "sse-c64") if _is_part(found, cell)), None)
    for figure, most in MOST_TTFT_US.items() if cell else ():
        name = f"added time to first token, {figure[-3:]}, {found.title(cell or '')}"
        yield _of_difference(found, (cell or "", figure), name, most)


def _system_calls(found: Findings) -> Iterator[Verdict]:
    for connections, most in MOST_SYSTEM_CALLS.items():
        mine = (found.of_role("ours"), connections)
        counted = next((s for s in found.system_calls if (s.target, s.connections) == mine), None)
        name, wanted = f"system calls per call, c={connections}", f"<= {most:.1f}"
        if counted is None:
            yield Verdict(name, wanted, "not counted", met=None)
        else:
            yield Verdict(name, wanted, f"{counted.per_call:.2f}", met=counted.per_call <= most)


def _memory(found: Findings) -> Iterator[Verdict]:
    asked = [("ours", state, most) for state, most in MOST_MIB.items()]
    for role, state, most in (*asked, ("serve", IDLE, MOST_SERVE_MIB)):
        target = found.of_role(role)
        if not target:
            continue
        seen = next((m for m in found.memory if (m.target, m.state) == (target, state)), None)
        name, wanted = f"resident memory of {target}, {state}", f"<= {most} MiB"
        if seen is None:
            yield Verdict(name, wanted, "not measured", met=None)
        else:
            yield Verdict(name, wanted, f"{seen.rss_bytes / MIB:.1f} MiB", met=seen.rss_bytes <= most * MIB)


def _starts(found: Findings) -> Iterator[Verdict]:
    for role, most in MOST_START_MS.items():
        target = found.of_role(role)
        if not target:
            continue
        seen = next((start for start in found.starts if start.target == target), None)
        name, wanted = f"start of {target} to its first answer", f"<= {most} ms"
        if seen is None:
            yield Verdict(name, wanted, "not measured", met=None)
        else:
            yield Verdict(name, wanted, f"{seen.median_ms:.0f} ms", met=seen.median_ms <= most)


def _throughput(found: Findings) -> Iterator[Verdict]:
    for target, least in LEAST_THROUGHPUT.items():
        if not _is_part(found, "64b-c50"):
            return
        name, wanted = f"calls per core-second over {target}, {found.title('64b-c50')}", f">= {least}x"
        ratio = found.ratio("64b-c50", target, "throughput")
        if ratio is None:
            why = NO_ROUND if target in found.roles else f"not measured: {target} was not part of the run"
            yield Verdict(name, wanted, why, met=None)
        else:
            measured = f"{ratio.median:.0f}x [{ratio.low:.0f}, {ratio.high:.0f}]"
            yield Verdict(name, wanted, measured, met=ratio.median >= least)


def _is_part(found: Findings, cell: str) -> bool:
    return bool(found.of_role("ours")) and any(each.name == cell for each in found.cells)


def _of_ratio(name: str, ratio: Ratio | None, most: float) -> Verdict:
    if ratio is None:
        return Verdict(name, f"<= {most:.2f}", NO_ROUND, met=None)
    measured = f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
    return Verdict(name, f"<= {most:.2f}", measured, met=ratio.median <= most)


def _of_difference(found: Findings, of: tuple[str, str], name: str, most: float) -> Verdict:
    wanted = (of[0], found.of_role("ours"), found.of_role("floor"), of[1])
    seen = next((d for d in found.differences if (d.cell, d.target, d.over, d.figure) == wanted), None)
    if seen is None:
        return Verdict(name, f"<= {most:.0f} µs", NO_ROUND, met=None)
    measured = f"{seen.median_us:.1f} µs [{seen.low_us:.1f}, {seen.high_us:.1f}]"
    return Verdict(name, f"<= {most:.0f} µs", measured, met=seen.median_us <= most)
