"""The figures of a comparison as tables, one function for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from headgate.bench.compare.document import Difference, Row

from ..table import Table
from ..wording import NONE, added, count, mib, plain, share, size, times, within
from .roles import Distance, Field, is_streams


def verdicts(field: Field) -> Table:
    """Figures that are asked of us."""
    said = {True: "met", False: "missed", None: "not measured"}
    rows = [[verdict.figure, verdict.wanted, verdict.measured, said[verdict.met]] for verdict in field.of.verdicts]
    return Table("Targets", ["figure", "wanted", "measured", "verdict"], rows)


def distances(field: Field, cells: Sequence[str] | None = None) -> Table:
    """How far each target is from the floor and from the better plain proxy, cell by cell."""
    heads = ["load", "target", "CPU µs per call#", "times the floor#", "interval#", "times a plain proxy#", "interval#"]
    names = [cell.name for cell in field.of.cells] if cells is None else cells
    found = [(name, one) for name in names for one in field.distances(name)]
    rows = [_distance(field, cell, one) for cell, one in found]
    return Table(
        "Distance from the floor",
        heads,
        rows,
        "Medians of ratios taken within a round; the interval holds 95 % of bootstraps over the rounds.",
        _ours(field, [one.target for _, one in found]),
    )


def _distance(field: Field, cell: str, one: Distance) -> list[str]:
    row, over = field.row(cell, one.target), field.over_plain(cell, one.target)
    return [
        field.cell_title(cell),
        field.title(one.target),
        plain(row.cpu_us_per_call) if row else NONE,
        times(one.times),
        within(*one.interval) if one.interval else NONE,
        times(over.median) if over else NONE,
        within(over.low, over.high) if over else NONE,
    ]


def against(field: Field) -> Table:
    """How many times headgate is ahead of each other gateway: its own in the denominator, so that more is better."""
    rows = [
        line
        for cell in field.of.cells
        for name in field.names
        if field.role(name) == "other" and (line := _against(field, cell.name, name))
    ]
    heads = ["load", "against", "calls per core-second#", "interval#", "p50#", "p99#", "resident memory, idle#"]
    note = (
        "How many times as many calls a second of headgate's core answers; then the other's latency and memory over "
        "headgate's, from medians."
    )
    return Table("headgate against other gateways", heads, rows, note).without_empty_columns(NONE)


def _against(field: Field, cell: str, name: str) -> list[str] | None:
    ratio, theirs = field.capacity(cell, name), field.row(cell, name)
    mine = field.row(cell, field.ours) if field.ours else None
    if ratio is None or theirs is None or mine is None:
        return None
    idle = {one.target: one.rss_bytes for one in field.of.memory if one.state == "idle"}
    memory = idle[name] / idle[mine.target] if idle.get(name) and idle.get(mine.target) else None
    return [
        field.cell_title(cell),
        field.title(name),
        times(ratio.median),
        within(ratio.low, ratio.high),
        times(theirs.p50_us / mine.p50_us if mine.p50_us else None),
        times(theirs.p99_us / mine.p99_us if mine.p99_us else None),
        times(memory),
    ]


def costs(field: Field) -> Table:
    """CPU and throughput of each target in each cell."""
    heads = [
        "load",
        "target",
        "CPU µs per call#",
        "best#",
        "calls/s#",
        "calls per core-second#",
        "windows#",
        "left out#",
        "its core busy#",
        "other core busy#",
    ]
    columns: list[Callable[[Row], str]] = [
        lambda row: plain(row.cpu_us_per_call),
        lambda row: plain(row.cpu_us_per_call_best),
        lambda row: count(row.calls_per_second),
        lambda row: count(row.calls_per_core_second),
        lambda row: str(row.windows),
        lambda row: str(row.left_out),
        lambda row: share(row.gateway_core_busy),
        lambda row: share(row.other_core_busy),
    ]
    note = "Medians over the windows that count, user and system time of the whole process tree."
    return _of_rows(field, ("CPU and throughput", heads, note), columns)


def latency(field: Field) -> Table:
    """Latency, and what is added to the floor's."""
    heads = [
        "load",
        "target",
        "p50 µs#",
        "p99 µs#",
        "p99.9 µs#",
        "p50 over the floor#",
        "interval#",
        "p99 over the floor#",
    ]

    def over(figure: str) -> Callable[[Row], Difference | None]:
        return lambda row: field.difference(row.cell, row.target, figure)

    columns: list[Callable[[Row], str]] = [
        lambda row: plain(row.p50_us),
        lambda row: plain(row.p99_us),
        lambda row: plain(row.p999_us),
        lambda row: _added(over("p50")(row)),
        lambda row: _interval(over("p50")(row)),
        lambda row: _added(over("p99")(row)),
    ]
    note = (
        "With many callers at once, latency is the queue before a busy core; "
        "the loads with one caller and in an open loop tell about the hop."
    )
    return _of_rows(field, ("Latency", heads, note), columns)


def streams(field: Field) -> Table:
    """What an event costs and how long it takes through a target."""
    heads = [
        "load",
        "target",
        "CPU µs per event#",
        "times the floor#",
        "event delay p50 µs#",
        "p99 µs#",
        "TTFT p50 µs#",
        "TTFT p99 µs#",
        "TTFT p50 over the floor#",
        "TTFT p99 over the floor#",
    ]

    def of_floor(row: Row) -> str:
        ratio = field.ratio(row.cell, row.target, field.floor)
        return times(ratio.median if ratio else 1.0 if row.target == field.floor else None)

    columns: list[Callable[[Row], str]] = [
        lambda row: plain(row.cpu_us_per_event),
        of_floor,
        lambda row: plain(row.event_delay_p50_us),
        lambda row: plain(row.event_delay_p99_us),
        lambda row: plain(row.ttft_p50_us),
        lambda row: plain(row.ttft_p99_us),
        lambda row: _added(field.difference(row.cell, row.target, "ttft_p50")),
        lambda row: _added(field.difference(row.cell, row.target, "ttft_p99")),
    ]
    note = "The delay of an event is the time of its receipt minus the provider's own stamp in it."
    rows = [row for row in field.of.rows if is_streams(field.cell(row.cell))]
    return _of_rows(field, ("Streams", heads, note), columns, rows)


def slopes(field: Field) -> Table:
    """What a KB of prompt costs."""
    rows = [
        [field.title(slope.target), f"{size(slope.from_bytes)} to {size(slope.to_bytes)}", plain(slope.us_per_kb)]
        for slope in field.of.slopes
    ]
    strong = _ours(field, [slope.target for slope in field.of.slopes])
    return Table("Cost of a longer prompt", ["target", "between", "CPU µs per KB#"], rows, strong=strong)


def system_calls(field: Field) -> Table:
    """System calls per call, the most frequent ones by name."""
    rows = []
    for one in field.of.system_calls:
        by_name = sorted(one.by_name.items(), key=lambda item: (-item[1], item[0]))
        most = ", ".join(f"{name} {plain(number)}" for name, number in by_name[:6])
        rows.append([field.title(one.target), f"c={one.connections}", plain(one.per_call), most, count(one.calls)])
    heads = ["target", "callers", "per call#", "which", "calls counted#"]
    note = "Counted by strace in a run of its own, which slows a target: no other figure comes from it."
    return Table("System calls", heads, rows, note, _ours(field, [one.target for one in field.of.system_calls]))


def memory(field: Field) -> Table:
    """Memory by state, resident and proportional."""
    states = list(dict.fromkeys(one.state for one in field.of.memory))
    targets = list(dict.fromkeys(one.target for one in field.of.memory))
    held = {(one.target, one.state): f"{mib(one.rss_bytes)} / {mib(one.pss_bytes)}" for one in field.of.memory}
    rows = [[field.title(target), *(held.get((target, state), NONE) for state in states)] for target in targets]
    heads = ["target", *(f"{state}#" for state in states)]
    return Table("Memory, MiB (resident / proportional)", heads, rows, strong=_ours(field, targets))


def starts(field: Field) -> Table:
    """Start to first answer."""
    rows = [
        [field.title(one.target), plain(one.median_ms), plain(one.best_ms), str(one.starts)] for one in field.of.starts
    ]
    heads = ["target", "median ms#", "best ms#", "starts#"]
    return Table("Start to first answer", heads, rows, strong=_ours(field, [one.target for one in field.of.starts]))


def absent(field: Field) -> Table:
    """Targets that were asked for and are not here."""
    return Table("Absent", ["target", "why"], [[one.name, one.reason] for one in field.of.absent])


def _of_rows(
    field: Field,
    frame: tuple[str, list[str], str],
    columns: list[Callable[[Row], str]],
    chosen: Sequence[Row] | None = None,
) -> Table:
    """A table with a line for each row of the document; `frame` is its title, heads and note."""
    title, heads, note = frame
    found = field.of.rows if chosen is None else chosen
    lines = [
        [field.cell_title(row.cell), field.title(row.target), *(column(row) for column in columns)] for row in found
    ]
    whole = Table(title, heads, lines, note, _ours(field, [row.target for row in found]))
    return whole.without_empty_columns(NONE)


def _ours(field: Field, targets: Iterable[str]) -> frozenset[int]:
    return frozenset(number for number, target in enumerate(targets) if field.role(target) == "ours")


def _added(difference: Difference | None) -> str:
    return added(difference.median_us) if difference else NONE


def _interval(difference: Difference | None) -> str:
    return f"[{plain(difference.low_us)}, {plain(difference.high_us)}]" if difference else NONE
