"""A world as one drawing: what callers got, what providers were asked, how long it took, what was out of service.

Several worlds stand side by side and share their axes. Shaded: the scenario's rules that have a time of their own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Any, Literal, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from headgate.bench.report.wording import tick, tick_duration
from headgate.simulate.asked import Asked
from headgate.simulate.result import Timeline, World
from headgate.simulate.text import show_goodput

INK, SOFT, GRID, BAND = "#16222c", "#5a6873", "#e0e5e8", "#f3e3d3"
GOOD, BAD, FIRST, TAIL = "#00756a", "#b8372a", "#365a80", "#a45c17"
PROVIDERS = ("#365a80", "#a45c17", "#00756a", "#7a4b94", "#5a6873", "#8a7a1f")
MOST_POINTS = 300
WIDTH, ROW, LEFT, RIGHT, TOP, BOTTOM, GAP = 640, 150, 64, 96, 66, 44, 28

T = TypeVar("T")

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "headgate",
    "text.parse_math": False,  # a name may hold a dollar sign
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": SOFT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "figure.dpi": 72,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "legend.frameon": False,
    "legend.fontsize": 10,
}


def draw(asked: Asked, worlds: Sequence[World], form: Literal["svg", "png"]) -> bytes:
    """The drawing as the bytes of a file. The same worlds give the same SVG."""
    shown = [world for world in worlds if world.timeline is not None]
    with _drawing():
        figure = _figure(asked, shown)
        out = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(out, format=form, dpi=72 if form == "svg" else 144, metadata=metadata, facecolor="white")
        return out.getvalue()


@contextmanager
def _drawing() -> Iterator[None]:
    with mpl.rc_context(_SETTINGS):
        yield


_ROWS = ("callers a second", "attempts a second", "time to the first content", "health keys out")


def _figure(asked: Asked, worlds: Sequence[World]) -> Figure:
    wide, high = WIDTH * len(worlds), TOP + len(_ROWS) * ROW + BOTTOM
    figure = Figure(figsize=(wide / 72, high / 72))
    figure.text(LEFT / wide, 1 - 22 / high, _title(asked), fontsize=14, fontweight="bold", va="center")
    rows = [[_axes(figure, column, row, len(worlds)) for column in range(len(worlds))] for row in range(len(_ROWS))]
    for column, world in enumerate(worlds):
        if world.timeline is not None:
            _world([row[column] for row in rows], world, _Curves(world.timeline, asked.for_ms))
            figure.text((LEFT + column * WIDTH) / wide, 1 - 46 / high, _words(asked, world), color=SOFT, va="center")
    for row in rows:
        top = max(axes.get_ylim()[1] for axes in row)
        for axes in row:
            axes.set_ylim(0, top)
    return figure


def _axes(figure: Figure, column: int, row: int, columns: int) -> Axes:
    wide, high = WIDTH * columns, TOP + len(_ROWS) * ROW + BOTTOM
    left, below = column * WIDTH + LEFT, BOTTOM + (len(_ROWS) - 1 - row) * ROW
    axes = figure.add_axes((left / wide, below / high, (WIDTH - LEFT - RIGHT) / wide, (ROW - GAP) / high))
    axes.set_title(_ROWS[row], fontsize=11, loc="left", color=INK, pad=4)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], min_n_ticks=2))
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 3, 6, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    return axes


def _title(asked: Asked) -> str:
    return f"{asked.scenario}: {asked.rate}, {asked.replicas} {'replica' if asked.replicas == 1 else 'replicas'}"


def _words(asked: Asked, world: World) -> str:
    figures = world.figures
    served = f"{show_goodput(figures)} good, {figures.amplification:.3f} attempts a call"
    return f"{asked.policies[world.plan]}, seed {world.seed}: {served}"


class _Curves:
    """The timeline up to the end of arrivals, in groups of as many seconds as fit the drawing."""

    def __init__(self, timeline: Timeline, for_ms: int) -> None:
        self.timeline = timeline
        self.length = max(1, min(-(-for_ms // 1000), len(timeline.offered)))
        self._step = -(-self.length // MOST_POINTS)
        self.seconds = list(range(0, self.length, self._step))

    def means(self, values: Sequence[int]) -> list[float]:
        """The mean of each group."""
        return [sum(group) / len(group) for group in self._groups(values)]

    def most(self, values: Sequence[int | None]) -> list[float]:
        """The greatest of each group; a gap where nothing was measured."""
        known = ([value for value in group if value is not None] for group in self._groups(values))
        return [max(group, default=float("nan")) for group in known]

    def _groups(self, values: Sequence[T]) -> list[Sequence[T]]:
        return [values[at : min(at + self._step, self.length)] for at in self.seconds]


def _world(rows: Sequence[Axes], world: World, curves: _Curves) -> None:
    callers, attempts, times, out = rows
    timeline, seconds = curves.timeline, curves.seconds
    for axes in rows:
        _shade(axes, world, curves.length)
    for values, colour, label, style in (
        (timeline.good, GOOD, "good", "-"),
        (timeline.failed, BAD, "failed", "-"),
        (timeline.offered, INK, "came", ":"),
    ):
        callers.plot(seconds, curves.means(values), style, color=colour, label=label, linewidth=1.4)
    asked = {name: counts for name, counts in timeline.attempts.items() if any(counts)}
    for (name, counts), colour in zip(asked.items(), cycle(PROVIDERS), strict=False):
        attempts.plot(seconds, curves.means(counts), color=colour, label=name, linewidth=1.4)
    times.plot(seconds, curves.most(timeline.first_token_p99_us), color=TAIL, label="p99", linewidth=1.4)
    times.plot(seconds, curves.most(timeline.first_token_p50_us), color=FIRST, label="p50", linewidth=1.4)
    times.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_duration(value) if value else "0"))
    out.step(seconds, curves.most(timeline.out), where="post", color=BAD, linewidth=1.4)
    out.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    out.set_xlabel("seconds")
    for axes in rows[:-1]:
        axes.tick_params(labelbottom=False)
        if axes.lines:
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.2)
    for axes in rows:
        axes.set_ylim(0, (axes.get_ylim()[1] or 1) * 1.05)


def _shade(axes: Axes, world: World, seconds: int) -> None:
    for phase in world.phases:
        until = seconds if phase.until_s is None else phase.until_s
        axes.axvspan(phase.from_s, until, color=BAND, linewidth=0, zorder=0)
    axes.set_xlim(0, seconds)
