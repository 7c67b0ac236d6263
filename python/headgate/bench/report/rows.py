"""Drawings with one row for each target: names on the left, a common axis, and dots."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from .svg import INK, PAPER, ROLES, Margins, axes, figure, inline
from .wording import tick

WIDTH = 400
ROW = 27.0
NAME = 17  # characters of a name that have room
MARKS = (
    ("o", True),
    ("o", False),
    ("D", True),
    ("s", False),
    ("^", True),
)  # and whether it is filled; one for each series
SIGNS = ("●", "○", "◆", "□", "▲")


@dataclass(frozen=True)
class Line:
    """A row: whose it is, the part that it plays, and a value for each series."""

    title: str
    role: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Axis:
    """How values are laid out, and how those beside the axis are written."""

    label: str
    show: Callable[[float], str] = tick
    log: bool = False


def finite(value: float | None) -> bool:
    """Whether a figure can be drawn: it is there, and above nothing."""
    return value is not None and math.isfinite(value) and value > 0


def margins(titles: Sequence[str], right: float = 16) -> Margins:
    """Room for names on the left."""
    longest = max((len(_short(title)) for title in titles), default=0)
    return Margins(left=18 + 6.7 * longest, right=right)


def _short(title: str) -> str:
    line = " ".join(title.split())
    return line if len(line) <= NAME else f"{line[: NAME - 1]}…"


def names(on: Axes, lines: Sequence[tuple[str, str]]) -> None:
    """Puts names on the left, the first on top; the one that the reader came for in its own colour."""
    on.set_ylim(len(lines) - 0.5, -0.5)
    on.set_yticks(range(len(lines)), [_short(title) for title, _ in lines])
    on.grid(visible=False, axis="y")
    for label, (_, role) in zip(on.get_yticklabels(), lines, strict=True):
        label.set_color(ROLES["ours"] if role == "ours" else INK)
        label.set_fontweight("bold" if role == "ours" else "normal")
        label.set_fontsize(12)


def ticks(on: Axes, axis: Axis, most: int = 5) -> None:
    """Lays out the axis; the limits stand by then."""
    if axis.log:
        on.set_xscale("log")
        on.xaxis.set_major_locator(FixedLocator(decades(*on.get_xlim())))
        on.xaxis.set_minor_locator(NullLocator())
        on.xaxis.set_minor_formatter(NullFormatter())
    else:
        on.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    on.xaxis.set_major_formatter(FuncFormatter(lambda value, _: axis.show(value)))


def decades(low: float, high: float) -> list[float]:
    """Round values between the two: powers of ten, with steps of 1-2-5 or 1-3 between them when there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        inside = [value for value in found if low <= value <= high]
        if len(inside) >= 3:
            return inside[:: math.ceil(len(inside) / 6)]
    return inside


def dots(lines: Sequence[Line], axis: Axis, name: str, label: str) -> str:
    """A dot for each value of each row. Whoever shows it says which of `SIGNS` is which."""
    titles = [line.title for line in lines]
    drawn = figure(WIDTH, 56 + ROW * len(lines))
    on = axes(drawn, margins(titles))
    values = [value for line in lines for value in line.values if value is not None and finite(value)]
    if axis.log:
        on.set_xlim(min(values) / 1.35, max(values) * 1.35)
    else:
        on.set_xlim(0, max(values) * 1.08)
    for at, line in enumerate(lines):
        known = [value for value in line.values if value is not None and finite(value)]
        if len(known) > 1:
            on.plot([min(known), max(known)], [at, at], color=ROLES[line.role], linewidth=1.5, alpha=0.45, zorder=2)
        for value, (marker, filled) in zip(line.values, MARKS, strict=False):
            if value is not None and finite(value):
                _dot(on, (value, at), ROLES[line.role], (marker, filled))
    ticks(on, axis)
    names(on, [(line.title, line.role) for line in lines])
    on.set_xlabel(axis.label)
    return inline(drawn, name, label)


def _dot(on: Axes, at: tuple[float, float], colour: str, mark: tuple[str, bool]) -> None:
    marker, filled = mark
    size = 6.0 if marker in "Ds^" else 7.5
    face = colour if filled else PAPER
    on.plot(*at, marker=marker, markersize=size, color=colour, markerfacecolor=face, markeredgewidth=1.6, zorder=3)
