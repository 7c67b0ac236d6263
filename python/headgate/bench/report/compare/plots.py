"""The drawings of a comparison. Each returns nothing where there is nothing to draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from headgate.bench.compare.document import Cell, Row, Window

from ..boxes import Boxed, boxes
from ..distances import Far, distances
from ..rows import SIGNS, Axis, Line, dots, finite
from ..svg import Plot, drawing
from ..wording import duration, plain, size, tick_duration, times
from .curves import prompt_curves
from .headline import shown_first
from .roles import Field, is_streams


def first_screen(field: Field) -> list[Plot]:
    """How far each target is from the floor, in the loads that tell most."""
    with drawing():
        return [_multiples(field, cell, f"far{at}") for at, cell in enumerate(shown_first(field))]


def _multiples(field: Field, cell: Cell, name: str) -> Plot:
    lines = [
        Far(field.title(one.target), field.role(one.target), one.times, one.interval, times(one.times))
        for one in field.distances(cell.name)
    ]
    said = ", ".join(f"{line.title} {line.shown}" for line in lines)
    text = f"{cell.title}: CPU time as multiples of the floor: {said}."
    axis = Axis("CPU time, as multiples of the floor", lambda value: f"{value:.4g}x")
    return Plot(cell.title, distances(lines, 1.0, axis, (name, text)), text)


def added_latency(field: Field) -> list[Plot]:
    """How much later than the floor targets answer, where one calls at a time or at a fixed rate."""
    chosen = [
        cell for cell in field.of.cells if cell.mode == "open" or (cell.mode == "closed" and cell.connections == 1)
    ]
    with drawing():
        return [plot for at, cell in enumerate(chosen) for plot in _added(field, cell, f"add{at}")]


def added_ttft(field: Field) -> list[Plot]:
    """How much later than through the floor a stream begins."""
    chosen = [cell for cell in field.of.cells if is_streams(cell)]
    with drawing():
        return [plot for at, cell in enumerate(chosen) for plot in _added(field, cell, f"ttft{at}")]


def _added(field: Field, cell: Cell, name: str) -> Iterator[Plot]:
    figure, words = ("ttft_p50", "TTFT p50") if is_streams(cell) else ("p50", "p50")
    found = [(name, field.difference(cell.name, name, figure)) for name in field.names]
    lines = [
        Far(field.title(target), field.role(target), one.median_us, (one.low_us, one.high_us), _signed(one.median_us))
        for target, one in found
        if one and math.isfinite(one.median_us)
    ]
    if lines:
        lines.sort(key=lambda line: line.value)
        said = ", ".join(f"{line.title} {line.shown}" for line in lines)
        text = f"{cell.title}: {words} over the floor's: {said}."
        axis = Axis(f"{words} over the floor, µs")
        yield Plot(cell.title, distances(lines, 0.0, axis, (name, text)), text)


def _signed(us: float) -> str:
    return f"+{duration(us)}" if us > 0 else f"-{duration(-us)}"


def window_boxes(field: Field) -> list[Plot]:
    """CPU of every window, cell by cell: per event where events are what is counted."""
    with drawing():
        return [plot for at, cell in enumerate(field.of.cells) for plot in _boxes(field, cell, f"box{at}")]


def _boxes(field: Field, cell: Cell, name: str) -> Iterator[Plot]:
    events = is_streams(cell) and any(
        window.cpu_us_per_event for window in field.of.windows if window.cell == cell.name
    )
    lines = [line for target in field.names if (line := _boxed(field, cell, target, events=events)).every]
    if not lines:
        return
    what = "CPU µs per event" if events else "CPU µs per call"
    said = "; ".join(f"{line.title}: {_spread(line)}" for line in lines)
    text = f"{cell.title}: {what} in each window. {said}."
    yield Plot(cell.title, boxes(lines, Axis(what), name, text), text)


def _boxed(field: Field, cell: Cell, target: str, *, events: bool) -> Boxed:
    def of(kept: Callable[[Window], bool]) -> list[tuple[float, int]]:
        found = [w for w in field.of.windows if (w.cell, w.target) == (cell.name, target) and kept(w)]
        values = [(w.cpu_us_per_event if events else w.cpu_us_per_call, w.round) for w in found]
        return [(value, number) for value, number in values if value is not None and finite(value)]

    return Boxed(
        field.title(target),
        field.role(target),
        of(lambda window: window.void is None and window.disturbed is None),
        of(lambda window: window.void is None and window.disturbed is not None),
        of(lambda window: window.void is not None),
    )


def _spread(line: Boxed) -> str:
    counted = sorted(value for value, _ in line.counted)
    if not counted:
        return "no window counts"
    middle = counted[len(counted) // 2]
    return f"middle {plain(middle)}, from {plain(counted[0])} to {plain(counted[-1])}"


def latency(field: Field) -> list[Plot]:
    """Latency by target, cell by cell."""
    with drawing():
        return [
            plot
            for at, cell in enumerate(field.of.cells)
            for plot in _dots(
                Dots(cell.title, f"lat{at}", _of_rows(field, cell, lambda row: (row.p50_us, row.p99_us, row.p999_us))),
                Axis("latency, log axis", tick_duration, log=True),
                ("p50", "p99", "p99.9"),
            )
        ]


def event_delay(field: Field) -> list[Plot]:
    """How much later than the provider sent them events arrive."""
    cells = [cell for cell in field.of.cells if is_streams(cell)]
    with drawing():
        return [
            plot
            for at, cell in enumerate(cells)
            for plot in _dots(
                Dots(
                    cell.title, f"ev{at}", _of_rows(field, cell, lambda r: (r.event_delay_p50_us, r.event_delay_p99_us))
                ),
                Axis("delay of an event, log axis", tick_duration, log=True),
                ("p50", "p99"),
            )
        ]


def _of_rows(field: Field, cell: Cell, values: Callable[[Row], Sequence[float | None]]) -> list[Line]:
    rows = [row for row in field.of.rows if row.cell == cell.name]
    return [Line(field.title(row.target), field.role(row.target), values(row)) for row in rows]


@dataclass(frozen=True)
class Dots:
    """What a drawing of dots is called, on the page and in its ids, and its rows."""

    title: str
    name: str
    lines: Sequence[Line]


def _dots(found: Dots, axis: Axis, series: Sequence[str]) -> Iterator[Plot]:
    drawable = [line for line in found.lines if any(finite(value) for value in line.values)]
    if not drawable:
        return
    said = "; ".join(f"{line.title}: {', '.join(_said(axis, line, series))}" for line in drawable)
    text = f"{found.title}: {axis.label}. {said}."
    key = "  ".join(f"{sign} {words}" for sign, words in zip(SIGNS, series, strict=False)) if len(series) > 1 else ""
    yield Plot(found.title, dots(drawable, axis, found.name, text), text, key)


def _said(axis: Axis, line: Line, series: Sequence[str]) -> Iterator[str]:
    show = duration if axis.show is tick_duration else plain
    for words, value in zip(series, line.values, strict=False):
        if value is not None:
            yield f"{words} {show(value)}" if len(series) > 1 else show(value)


def prompt_sizes(field: Field) -> list[Plot]:
    """CPU per call over the length of the prompt, for the number of callers with most lengths."""
    closed = [cell for cell in field.of.cells if cell.mode == "closed"]
    lengths: dict[int, list[Cell]] = {}
    for cell in closed:
        lengths.setdefault(cell.connections, []).append(cell)
    cells = max(lengths.values(), key=len, default=[])
    points = {
        target: [
            (cell.prompt_bytes, row.cpu_us_per_call)
            for cell in sorted(cells, key=lambda cell: cell.prompt_bytes)
            if (row := field.row(cell.name, target)) and finite(row.cpu_us_per_call)
        ]
        for target in field.names
    }
    curves = [(field.title(name), field.role(name), found) for name, found in points.items() if len(found) > 1]
    if not curves:
        return []
    said = "; ".join(f"{title}: {', '.join(f'{size(x)} {plain(y)}' for x, y in found)}" for title, _, found in curves)
    title = f"CPU µs per call by length of the prompt, c={cells[0].connections}"
    text = f"{title}. {said}."
    with drawing():
        return [Plot(title, prompt_curves(curves, text), text)]


def memory(field: Field) -> list[Plot]:
    """Resident memory by state."""
    states = list(dict.fromkeys(one.state for one in field.of.memory))[: len(SIGNS)]
    held = {(one.target, one.state): one.rss_bytes / 2**20 for one in field.of.memory}
    targets = dict.fromkeys(one.target for one in field.of.memory)
    lines = [Line(field.title(t), field.role(t), [held.get((t, state)) for state in states]) for t in targets]
    with drawing():
        return list(_dots(Dots("Resident memory", "mem", lines), Axis("MiB, log axis", log=True), states))


def starts(field: Field) -> list[Plot]:
    """Start to first answer."""
    lines = [Line(field.title(one.target), field.role(one.target), [one.median_ms * 1e3]) for one in field.of.starts]
    axis = Axis("median, log axis", tick_duration, log=True)
    with drawing():
        return list(_dots(Dots("Start to first answer", "start", lines), axis, ("median",)))


def system_calls(field: Field) -> list[Plot]:
    """System calls per call."""
    callers = sorted({one.connections for one in field.of.system_calls}, reverse=True)[: len(SIGNS)]
    held = {(one.target, one.connections): one.per_call for one in field.of.system_calls}
    targets = dict.fromkeys(one.target for one in field.of.system_calls)
    lines = [Line(field.title(t), field.role(t), [held.get((t, number)) for number in callers]) for t in targets]
    series = [f"c={number}" for number in callers]
    with drawing():
        return list(_dots(Dots("System calls", "sys", lines), Axis("system calls per call"), series))
