"""The drawings of a run. Each returns nothing where there is nothing to draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from headgate.bench.result import Hist, Step
from headgate.bench.run.document import Run

from ..lines import Curve, count_axis, draw, time_axis
from ..rows import decades
from ..svg import BAD, GRID, INK, OTHER, OURS, PAPER, PLAIN, SOFT, Margins, Plot, axes, drawing, figure, inline
from ..wording import count, duration, tick, tick_duration
from .spread import bins
from .tables import recorded

WIDTH = 560
HEIGHT = 280
NARROW = 400
TAIL = [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")]
HISTOGRAMS = {
    "ttft": "Time to first token",
    "tpot": "Time per later token",
    "gap": "Time between events",
    "stamped": "Delay of an event",
}


def percentiles(run: Run) -> list[Plot]:
    """Latency over percentiles, on an axis that gives each nine the same room."""
    found = [
        (words, colour, hist)
        for name, words, colour in (
            ("latency", "latency", OURS),
            ("service", "from the send", PLAIN),
            ("ttft", "first token", OTHER),
        )
        if (hist := recorded(run.result, name))
    ]
    if not found:
        return []
    last = 1 - 1 / max(10, *(hist.count for _, _, hist in found))
    curves = [Curve(words, colour, _nines(hist, last), strong=colour == OURS) for words, colour, hist in found]
    said = "; ".join(
        f"{words}: p50 {duration(hist.p50_us)}, p99 {duration(hist.p99_us)}, p99.9 {duration(hist.p999_us)}, "
        f"greatest {duration(hist.max_us)}"
        for words, _, hist in found
    )
    text = f"Latency by percentile. {said}."
    with drawing():
        drawn = figure(WIDTH, HEIGHT)
        on = axes(drawn, Margins(left=62, right=100))
        ticks = {_nine(share): label for share, label in TAIL if share <= last}
        on.set_xlim(0, _nine(last) * 1.02)
        on.set_xticks(list(ticks), list(ticks.values()))
        how = time_axis(on, [us for curve in curves for _, us in curve.points])
        draw(on, curves)
        on.set_xlabel(f"share of calls that took no longer{how}")
        return [Plot("Latency by percentile", inline(drawn, "tail", text), text)]


def _nine(share: float) -> float:
    """Where a share stands: each nine has the same room."""
    return -math.log10(1 - share)


def _nines(hist: Hist, last: float) -> list[tuple[float, float]]:
    points = [(_nine(share), us) for share, us in hist.curve if share < last]
    return [*points, (_nine(last), hist.max_us)]


def over_time(run: Run) -> list[Plot]:
    """Rate, latency and failures for each step."""
    steps = run.result.series
    if len(steps) < 2:
        return []
    with drawing():
        plots = [_rate(run), _latency(steps)]
        return [*plots, _failures(steps)] if any(step.failed for step in steps) else plots


def _per_second(steps: Sequence[Step], name: str) -> list[tuple[float, float]]:
    starts = [0.0, *(step.at_ms for step in steps)]
    return [
        (step.at_ms / 1e3, getattr(step, name) / max(step.at_ms - start, 1.0) * 1e3)
        for step, start in zip(steps, starts, strict=False)
    ]


def _range(words: str, points: Sequence[tuple[float, float]], show: Callable[[float], str] = count) -> str:
    values = [value for _, value in points]
    return f"{words} from {show(min(values))} to {show(max(values))}"


def sending(run: Run) -> list[Step]:
    """The steps up to the last in which calls were sent, without one that was cut short: it is no whole step's rate."""
    steps = list(run.result.series)
    while len(steps) > 1 and (not steps[-1].sent or steps[-1].at_ms > run.result.elapsed_s * 1e3 + 1):
        steps.pop()
    return steps


def _rate(run: Run) -> Plot:
    steps = sending(run)
    sent, good = _per_second(steps, "sent"), _per_second(steps, "good")
    asked = run.asked_per_second
    curves = [Curve("sent", PLAIN, sent), Curve("good", OURS, good, strong=True)]
    if asked:
        curves.insert(0, Curve("asked", SOFT, [(0, asked), (sent[-1][0], asked)], dashed=True))
    text = f"Calls per second over time: {'; '.join(_range(curve.name, curve.points) for curve in curves)}."
    drawn, on = _canvas(steps)
    count_axis(on, max(value for curve in curves for _, value in curve.points))
    draw(on, curves)
    return Plot("Calls per second", inline(drawn, "rate", text), text)


def _latency(steps: Sequence[Step]) -> Plot:
    kinds = (("p99_us", "p99", OTHER), ("p50_us", "p50", OURS), ("ttft_p50_us", "first token p50", PLAIN))
    curves = [
        Curve(words, colour, points, strong=colour == OURS)
        for name, words, colour in kinds
        if (points := [(step.at_ms / 1e3, us) for step in steps if (us := getattr(step, name)) is not None])
    ]
    said = "; ".join(_range(curve.name, curve.points, duration) for curve in curves)
    text = f"Latency over time: {said or 'none was recorded'}."
    drawn, on = _canvas(steps)
    how = time_axis(on, [us for curve in curves for _, us in curve.points])
    draw(on, curves)
    on.set_xlabel(f"seconds since the start{how}")
    return Plot("Latency", inline(drawn, "times", text), text)


def _failures(steps: Sequence[Step]) -> Plot:
    failed = _per_second(steps, "failed")
    text = f"Failed calls per second over time: {_range('failed', failed)}."
    drawn, on = _canvas(steps)
    seconds, values = zip(*failed, strict=True)
    on.vlines(seconds, 0, values, color=BAD, linewidth=2.2)
    count_axis(on, max(values))
    return Plot("Failed calls per second", inline(drawn, "failed", text), text)


def histograms(run: Run) -> list[Plot]:
    """How first tokens, tokens and events are spread."""
    found = [(name, hist) for name in HISTOGRAMS if (hist := recorded(run.result, name))]
    with drawing():
        return [_histogram(name, hist) for name, hist in found]


def _histogram(name: str, hist: Hist) -> Plot:
    title = HISTOGRAMS[name]
    text = (
        f"{title}: from {duration(hist.min_us)} to {duration(hist.max_us)}; half within {duration(hist.p50_us)}, "
        f"99 % within {duration(hist.p99_us)}."
    )
    drawn = figure(NARROW, 200)
    on = axes(drawn, Margins(left=14, right=18))
    found = bins(hist)
    wide = 0.86 if len(found) > 1 else 1.0
    on.set_xscale("log")
    on.bar(
        [left for left, _, _ in found],
        [share for _, _, share in found],
        width=[(right - left) * wide for left, right, _ in found],
        align="edge",
        color=PLAIN,
    )
    top = max(share for _, _, share in found)
    low, high = found[0][0], found[-1][1]
    on.set_xlim(low / (high / low) ** 0.02, high * (high / low) ** 0.02)
    on.set_ylim(0, top * 1.22)
    for value, label, side in ((hist.p50_us, "p50", "right"), (hist.p99_us, "p99", "left")):
        at = max(value, low)  # nought has no place on a log axis
        on.axvline(at, color=INK, linewidth=1)
        aside = (4 if side == "left" else -4, 0)
        on.annotate(label, (at, top * 1.2), xytext=aside, textcoords="offset points", va="top", ha=side, fontsize=11)
    on.yaxis.set_major_locator(NullLocator())
    on.xaxis.set_major_locator(FixedLocator(decades(*on.get_xlim())))
    on.xaxis.set_minor_locator(NullLocator())
    on.xaxis.set_minor_formatter(NullFormatter())
    on.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_duration(value)))
    on.set_xlabel("log axis, up to the 99.9th percentile")
    return Plot(title, inline(drawn, name, text), text)


def capacity(run: Run) -> list[Plot]:
    """p99 of each window of the search over its rate: filled where all thresholds were kept."""
    found = sorted((probe.per_second, probe.p99_us, probe.kept) for probe in run.probes if probe.p99_us)
    if not found:
        return []
    said = "; ".join(
        f"{count(rate)} per second: p99 {duration(p99_us)}, {'kept' if kept else 'not kept'}"
        for rate, p99_us, kept in found
    )
    text = f"p99 by rate in the search for the capacity. {said}."
    with drawing():
        drawn = figure(WIDTH, HEIGHT)
        on = axes(drawn, Margins(left=62, right=24))
        time_axis(on, [p99_us for _, p99_us, _ in found])
        for rate, p99_us, kept in found:
            colour, face = (OURS, OURS) if kept else (BAD, PAPER)
            on.plot(rate, p99_us, "o", color=colour, markerfacecolor=face, markersize=9, markeredgewidth=1.8)
        if run.capacity_per_second:
            on.axvline(run.capacity_per_second, color=GRID, linewidth=2, zorder=1)
        on.set_xlim(0, found[-1][0] * 1.06)
        on.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        line = "the capacity at least" if run.capacity_is_lower_bound else "the capacity"
        on.set_xlabel(f"calls per second asked; ● kept  ○ not kept; line: {line}")
        return [Plot("p99 by rate", inline(drawn, "capacity", text), text)]


def _canvas(steps: Sequence[Step]) -> tuple[Figure, Axes]:
    drawn = figure(NARROW, 200)
    on = axes(drawn, Margins(left=54, right=96))
    on.set_xlim(0, steps[-1].at_ms / 1e3)
    on.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 3, 5, 10]))
    on.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    on.set_xlabel("seconds since the start")
    return drawn, on
