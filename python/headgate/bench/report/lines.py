"""Drawings with lines, each with its name where it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from .rows import decades
from .svg import INK
from .wording import tick, tick_duration

APART = 14.0  # pixels between two names
LONGEST = 18  # characters of a name


@dataclass(frozen=True)
class Curve:
    """A line: its name, colour and points. A strong one is the reader's own; a dashed one was asked, not measured."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    strong: bool = False
    dashed: bool = False


def draw(on: Axes, curves: Sequence[Curve], marker: str = "") -> None:
    """Draws lines, then names, moved apart where they would overlap. The limits of the axes stand by then."""
    for curve in curves:
        on.plot(
            *zip(*curve.points, strict=True),
            color=curve.colour,
            linewidth=2.4 if curve.strong else 1.5,
            linestyle=(0, (4, 3)) if curve.dashed else "-",
            marker=marker,
            markersize=4.5,
        )
    low, high = on.get_ylim()
    ends = [on.transData.transform((1, min(max(curve.points[-1][1], low), high)))[1] for curve in curves]
    for curve, height in zip(curves, _apart(ends), strict=True):
        _name(on, curve, height)


def _apart(wanted: Sequence[float]) -> list[float]:
    """Heights as near to those wanted as they can be without touching, in the same order."""
    groups: list[list[int]] = []
    for at in sorted(range(len(wanted)), key=lambda at: wanted[at]):
        groups.append([at])
        while len(groups) > 1 and _lowest(groups[-1], wanted) < _lowest(groups[-2], wanted) + APART * len(groups[-2]):
            above = groups.pop()
            groups[-1] += above
    placed = {at: _lowest(group, wanted) + APART * step for group in groups for step, at in enumerate(group)}
    return [placed[at] for at in range(len(wanted))]


def _lowest(group: Sequence[int], wanted: Sequence[float]) -> float:
    """Where a pile of names begins whose middle is that of the heights they want."""
    return sum(wanted[at] for at in group) / len(group) - APART * (len(group) - 1) / 2


def _name(on: Axes, curve: Curve, height: float) -> None:
    name = " ".join(curve.name.split())
    on.annotate(
        name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…",
        (1, height),
        xycoords=("axes fraction", "figure pixels"),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=11.5,
        color=curve.colour if curve.strong else INK,
        fontweight="bold" if curve.strong else "normal",
    )


def time_axis(on: Axes, values: Sequence[float]) -> str:
    """Upwards: microseconds from nought; on a log axis where the greatest is far above the least, and says so."""
    known = [value for value in values if value > 0]
    log = bool(known) and max(known) > 8 * min(known)
    if log:
        low, high = min(known) / 1.3, max(known) * 1.3
        on.set_yscale("log")
        on.set_ylim(low, high)
        on.yaxis.set_major_locator(FixedLocator(decades(low, high)))
        on.yaxis.set_minor_locator(NullLocator())
        on.yaxis.set_minor_formatter(NullFormatter())
    else:
        on.set_ylim(0, max(known, default=1.0) * 1.12)
        on.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    on.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_duration(value) if value else "0"))
    return "; time on a log axis" if log else ""


def count_axis(on: Axes, top: float) -> None:
    """Upwards: numbers from nought."""
    on.set_ylim(0, (top or 1.0) * 1.12)
    on.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    on.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
