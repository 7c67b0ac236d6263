"""All ratios, differences and windows of a comparison as tables, for those who want to check what was made of them."""

from __future__ import annotations

from headgate.bench.compare.document import Difference, Ratio, Window

from ..table import Table
from ..wording import NONE, added, count, plain, share, times, within
from .roles import Field

FIGURES = {
    "cpu": "CPU per call",
    "events": "CPU per event",
    "throughput": "calls per second",
    "ttft_p50": "TTFT p50",
    "ttft_p99": "TTFT p99",
}


def ratios(field: Field) -> Table:
    """All ratios."""

    def row(one: Ratio) -> list[str]:
        figure = FIGURES.get(one.figure, one.figure)
        who = [field.cell_title(one.cell), field.title(one.target), field.title(one.over), figure]
        return [*who, times(one.median), within(one.low, one.high), times(one.best), str(one.rounds)]

    heads = ["load", "target", "over", "figure", "median#", "interval#", "of the best windows#", "rounds#"]
    return Table("Ratios", heads, [row(one) for one in field.of.ratios])


def differences(field: Field) -> Table:
    """All differences."""

    def row(one: Difference) -> list[str]:
        figure = FIGURES.get(one.figure, one.figure)
        who = [field.cell_title(one.cell), field.title(one.target), field.title(one.over), figure]
        return [*who, added(one.median_us), f"[{plain(one.low_us)}, {plain(one.high_us)}]", str(one.rounds)]

    heads = ["load", "target", "over", "figure", "median µs#", "interval#", "rounds#"]
    return Table("Differences", heads, [row(one) for one in field.of.differences])


def left_out(field: Field) -> Table:
    """Windows that do not count, each with its reason."""
    rows = [
        [field.cell_title(window.cell), field.title(window.target), str(window.round + 1), state, reason]
        for window in field.of.windows
        for state, reason in [("void", window.void) if window.void is not None else ("disturbed", window.disturbed)]
        if reason is not None
    ]
    return Table("Windows left out", ["load", "target", "round#", "state", "why"], rows)


def windows(field: Field) -> Table:
    """Every window as it was seen."""
    heads = [
        "load",
        "target",
        "round#",
        "at s#",
        "calls#",
        "calls/s#",
        "CPU µs per call#",
        "per event#",
        "provider µs#",
    ]
    heads += ["load µs#", "p50 µs#", "p90 µs#", "p99 µs#", "p99.9 µs#", "late#", "others#", "cores busy#", "counts"]
    in_order = sorted(field.of.windows, key=lambda window: window.at_s)
    return Table("All windows", heads, [_window(field, window) for window in in_order]).without_empty_columns(NONE)


def _window(field: Field, window: Window) -> list[str]:
    counts = "void" if window.void is not None else "disturbed" if window.disturbed is not None else "yes"
    return [
        field.cell_title(window.cell),
        field.title(window.target),
        str(window.round + 1),
        f"{window.at_s:.0f}",
        count(window.calls),
        count(window.calls_per_second),
        plain(window.cpu_us_per_call),
        plain(window.cpu_us_per_event),
        plain(window.provider_us_per_call),
        plain(window.load_us_per_call),
        *(plain(us) for us in (window.p50_us, window.p90_us, window.p99_us, window.p999_us)),
        count(window.late_calls),
        share(window.others_share),
        f"{share(window.gateway_core_busy)} / {share(window.other_core_busy)}",
        counts,
    ]
