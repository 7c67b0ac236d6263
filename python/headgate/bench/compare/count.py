"""Which windows count, and what those of one target in one cell say together."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

from headgate.bench.compare.document import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headgate.bench.compare.document import Window

CANARY = 1.10  # a provider that takes more than this times its usual CPU per call: the machine was slower


def judged(windows: Sequence[Window]) -> list[Window]:
    """All windows; those in which the provider was slow are marked as disturbed.

    A provider's usual cost is the median over the clean windows of one target in one cell: how many calls of a batch
    reach it at once depends on the target, so that targets are not compared here.
    """
    clean = [window for window in windows if is_clean(window)]
    usual = {
        place: statistics.median(w.provider_us_per_call for w in clean if (w.cell, w.target) == place)
        for place in {(window.cell, window.target) for window in clean}
    }
    return [_with_canary(w, usual[w.cell, w.target]) if is_clean(w) else w for w in windows]


def _with_canary(window: Window, usual: float) -> Window:
    took = window.provider_us_per_call
    if took <= CANARY * usual:
        return window
    sentence = f"the machine was slow: the provider took {took:.1f} µs for a call, usually {usual:.1f}"
    return dataclasses.replace(window, disturbed=sentence)


def is_clean(window: Window) -> bool:
    """Whether a window counts, once it was judged."""
    return window.void is None and window.disturbed is None


def rows(windows: Sequence[Window]) -> list[Row]:
    """One row for each target in each cell, in the order in which they were first measured; `windows` are judged."""
    found = []
    for cell, target in dict.fromkeys((window.cell, window.target) for window in windows):
        all_of_row = [window for window in windows if (window.cell, window.target) == (cell, target)]
        clean = [window for window in all_of_row if is_clean(window)]
        if clean:
            found.append(_row(clean, len(all_of_row) - len(clean)))
    return found


def _row(windows: Sequence[Window], left_out: int) -> Row:
    def median(figure: Callable[[Window], float]) -> float:
        return statistics.median(figure(window) for window in windows)

    def median_if_any(figure: Callable[[Window], float | None]) -> float | None:
        values = [value for value in map(figure, windows) if value is not None]
        return statistics.median(values) if values else None

    cpu = median(lambda w: w.cpu_us_per_call)
    return Row(
        cell=windows[0].cell,
        target=windows[0].target,
        windows=len(windows),
        left_out=left_out,
        cpu_us_per_call=cpu,
        cpu_us_per_call_best=min(w.cpu_us_per_call for w in windows),
        calls_per_second=median(lambda w: w.calls_per_second),
        calls_per_core_second=1e6 / cpu if cpu else 0.0,
        p50_us=median(lambda w: w.p50_us),
        p99_us=median(lambda w: w.p99_us),
        p999_us=median(lambda w: w.p999_us),
        ttft_p50_us=median_if_any(lambda w: w.ttft_p50_us),
        ttft_p99_us=median_if_any(lambda w: w.ttft_p99_us),
        cpu_us_per_event=median_if_any(lambda w: w.cpu_us_per_event),
        event_delay_p50_us=median_if_any(lambda w: w.event_delay_p50_us),
        event_delay_p99_us=median_if_any(lambda w: w.event_delay_p99_us),
        gateway_core_busy=median(lambda w: w.gateway_core_busy),
        other_core_busy=median(lambda w: w.other_core_busy),
    )
