"""From windows to ratios: which windows count, and what they say together."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .window import Window

PROXIES = ("nginx", "haproxy")
FLOOR = "relay"
OURS = "headgated"


@dataclass(frozen=True)
class Row:
    """One target in one cell, over the windows that count."""

    cell: str
    target: str
    windows: int
    left_out: int
    cpu_us_median: float
    cpu_us_best: float
    requests_per_second: float
    provider_us_median: float
    p50_us: float
    gateway_core_busy: float
    other_core_busy: float


@dataclass(frozen=True)
class Ratio:
    """headgated in one cell: `x` over the better of nginx and HAProxy, `d` what it adds to the relay, as a share.

    The medians are of the ratios within each round; best is the ratio of the best windows.
    """

    cell: str
    rounds: int
    x_median: float
    x_best: float
    d_median: float | None
    d_best: float | None


def that_count(windows: Sequence[Window]) -> list[Window]:
    """Windows without errors, without company, and at the machine's usual speed."""
    calm = [window for window in windows if not window.is_void and not window.is_disturbed]
    usual: dict[tuple[str, str], float] = {}
    for window in calm:
        same = (w.provider_us_per_request for w in calm if (w.cell, w.target) == (window.cell, window.target))
        usual[window.cell, window.target] = statistics.median(same)
    return [w for w in calm if w.provider_us_per_request <= 1.1 * usual[w.cell, w.target]]


def rows(windows: Sequence[Window]) -> list[Row]:
    """One row for each target in each cell, in the order in which they were first measured."""
    counted = that_count(windows)
    found = []
    for cell, target in dict.fromkeys((window.cell, window.target) for window in windows):
        of_row = [window for window in counted if (window.cell, window.target) == (cell, target)]
        tried = sum((window.cell, window.target) == (cell, target) for window in windows)
        if of_row:
            found.append(_row(cell, target, of_row, tried - len(of_row)))
    return found


def _row(cell: str, target: str, windows: Sequence[Window], left_out: int) -> Row:
    cpu = [window.cpu_us_per_request for window in windows]
    return Row(
        cell=cell,
        target=target,
        windows=len(windows),
        left_out=left_out,
        cpu_us_median=statistics.median(cpu),
        cpu_us_best=min(cpu),
        requests_per_second=statistics.median(window.requests / window.seconds for window in windows),
        provider_us_median=statistics.median(window.provider_us_per_request for window in windows),
        p50_us=statistics.median(window.p50_us for window in windows),
        gateway_core_busy=statistics.median(window.gateway_core_busy for window in windows),
        other_core_busy=statistics.median(window.other_core_busy for window in windows),
    )


def ratios(windows: Sequence[Window]) -> list[Ratio]:
    """One ratio for each cell in which headgated and a plain proxy have a clean window in the same round."""
    counted = that_count(windows)
    found = []
    for cell in dict.fromkeys(window.cell for window in counted):
        cost = {(w.round, w.target): w.cpu_us_per_request for w in counted if w.cell == cell}
        ratio = _ratio(cell, cost)
        if ratio:
            found.append(ratio)
    return found


def _ratio(cell: str, cost: dict[tuple[int, str], float]) -> Ratio | None:
    """`cost` is CPU per request by round and target."""
    over_proxy, over_floor = [], []
    for number in sorted({number for number, _ in cost}):
        ours, floor = cost.get((number, OURS)), cost.get((number, FLOOR))
        proxies = [cost[number, proxy] for proxy in PROXIES if (number, proxy) in cost]
        if ours is not None and proxies:
            over_proxy.append(ours / min(proxies))
        if ours is not None and floor is not None:
            over_floor.append((ours - floor) / floor)
    if not over_proxy:
        return None
    best = {target: min(c for (_, t), c in cost.items() if t == target) for _, target in cost}
    best_proxy = min(best[proxy] for proxy in PROXIES if proxy in best)
    return Ratio(
        cell=cell,
        rounds=len(over_proxy),
        x_median=statistics.median(over_proxy),
        x_best=best[OURS] / best_proxy,
        d_median=statistics.median(over_floor) if over_floor else None,
        d_best=(best[OURS] - best[FLOOR]) / best[FLOOR] if over_floor else None,
    )
