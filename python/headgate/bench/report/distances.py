"""How far each target is from a base: a dot, its interval, and an arrow for what is far beyond."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from .rows import ROW, WIDTH, Axis, margins, names, ticks
from .svg import INK, ROLES, axes, figure, inline


@dataclass(frozen=True)
class Far:
    """A row of distances from a base: the value, its interval, and how it is written."""

    title: str
    role: str
    value: float
    interval: tuple[float, float] | None
    shown: str


def distances(lines: Sequence[Far], base: float, axis: Axis, named: tuple[str, str]) -> str:
    """How far each row is from a base, on a linear axis. What would press the others together ends in an arrow.

    The axis reaches as far as the floor, the plain proxies and ours need. `named` is the name and the label.
    """
    drawn = figure(WIDTH, 46 + ROW * len(lines))
    on = axes(drawn, margins([line.title for line in lines], right=70))
    reach = _reach(lines, base)
    near = [line for line in lines if line.value <= reach]
    ends = [end for line in near for end in (line.value, *(line.interval or ())) if math.isfinite(end)]
    low, high = min([base, *ends]), max([base, *ends])
    room = (high - low or abs(base) or 1.0) * 0.06
    on.set_xlim(low - room, high + room)
    on.axvline(base, color=ROLES["floor"], linewidth=1.2)
    for at, line in enumerate(lines):
        _shown(on, at, line)
        if line.value > reach:
            _beyond(on, at, line, (base, high + room))
        else:
            _distance(on, at, line, base)
    ticks(on, axis)
    names(on, [(line.title, line.role) for line in lines])
    on.set_xlabel(axis.label)
    return inline(drawn, *named)


def _reach(lines: Sequence[Far], base: float) -> float:
    known = [line.value - base for line in lines if line.role != "other"]
    if known and max(known) > 0:
        return base + 2.2 * max(known)
    return base + 4 * min((line.value - base for line in lines if line.value > base), default=1.0)


def _shown(on: Axes, at: int, line: Far) -> None:
    """The value in words, at the right edge."""
    on.annotate(
        line.shown,
        (1, at),
        xycoords=("axes fraction", "data"),
        xytext=(66, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        color=ROLES["ours"] if line.role == "ours" else INK,
        fontweight="bold" if line.role == "ours" else "normal",
    )


def _beyond(on: Axes, at: int, line: Far, ends: tuple[float, float]) -> None:
    colour = ROLES[line.role]
    on.plot(ends, [at, at], color=colour, linewidth=1.5, linestyle=(0, (1, 3)))
    on.plot(ends[1], at, marker=">", markersize=8, color=colour, clip_on=False)


def _distance(on: Axes, at: int, line: Far, base: float) -> None:
    colour = ROLES[line.role]
    on.plot([base, line.value], [at, at], color=colour, linewidth=1.5, alpha=0.45)
    if line.interval:
        on.plot(line.interval, [at, at], color=colour, linewidth=5, alpha=0.55)
    on.plot(line.value, at, marker="o", markersize=8.5, color=colour, zorder=3)
