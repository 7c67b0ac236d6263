"""A box for each target over its windows, and every window as a mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from .rows import ROW, WIDTH, Axis, margins, names, ticks
from .svg import BAD, PAPER, ROLES, SOFT, axes, figure, inline


@dataclass(frozen=True)
class Boxed:
    """A row of windows: (value, round) of those that count, and of those that do not, with what they are."""

    title: str
    role: str
    counted: Sequence[tuple[float, int]]
    disturbed: Sequence[tuple[float, int]]
    void: Sequence[tuple[float, int]]

    @property
    def every(self) -> list[float]:
        """All values."""
        return [value for value, _ in (*self.counted, *self.disturbed, *self.void)]


def boxes(lines: Sequence[Boxed], axis: Axis, name: str, label: str) -> str:
    """A box over the windows that count, and every window as a mark: a ring when it was disturbed, a cross when void.

    Rows more than four times above the lowest stand on a log axis of their own below, so that they press nobody.
    """
    lowest = min(_middle(line) for line in lines)
    near = [line for line in lines if _middle(line) <= 4 * lowest]
    far = [line for line in lines if _middle(line) > 4 * lowest]
    gap = 1.5 if far else 0.0
    total = len(near) + gap + len(far)
    drawn = figure(WIDTH, 56 + ROW * total)
    room = margins([line.title for line in lines])
    on = axes(drawn, room, (0, len(near) / total))
    _boxes(on, near, axis)
    if far:
        below = axes(drawn, room, ((len(near) + gap) / total, 1))
        _boxes(below, far, Axis(axis.label, axis.show, log=True))
        below.set_xlabel(f"{axis.label}; below: log axis")
    else:
        on.set_xlabel(axis.label)
    return inline(drawn, name, label)


def _middle(line: Boxed) -> float:
    values = sorted([value for value, _ in line.counted] or line.every)
    return values[len(values) // 2]


def _boxes(on: Axes, lines: Sequence[Boxed], axis: Axis) -> None:
    every = [value for line in lines for value in line.every]
    room = (max(every) - min(every)) * 0.06 or max(every) * 0.05
    on.set_xlim((min(every) / 1.2, max(every) * 1.2) if axis.log else (max(0, min(every) - room), max(every) + room))
    for at, line in enumerate(lines):
        _box(on, at, line)
    ticks(on, axis)
    names(on, [(line.title, line.role) for line in lines])


def _box(on: Axes, at: int, line: Boxed) -> None:
    colour = ROLES[line.role]
    if line.counted:
        edge = {"color": colour, "linewidth": 1.3}
        on.boxplot(
            [value for value, _ in line.counted],
            positions=[at],
            orientation="horizontal",
            widths=0.62,
            whis=(0, 100),
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": "none", "edgecolor": colour, "linewidth": 1.3},
            medianprops={"color": colour, "linewidth": 3, "solid_capstyle": "butt"},
            whiskerprops=edge,
            capprops=edge,
            manage_ticks=False,
        )
    kinds = ((line.counted, "o", colour, colour), (line.disturbed, "o", SOFT, PAPER), (line.void, "x", BAD, BAD))
    for windows, marker, edge_colour, face in kinds:
        for value, number in windows:
            lift = 0.1 * ((number % 5) - 2)
            size = 4.2 if face != PAPER else 5.5
            on.plot(
                value,
                at + lift,
                marker=marker,
                markersize=size,
                color=edge_colour,
                markerfacecolor=face,
                alpha=0.85,
                zorder=3,
            )
