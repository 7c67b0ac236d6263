"""What a comparison says, in a few sentences."""

from __future__ import annotations

from headgate.bench.compare.document import Cell, Comparison
from headgate.bench.figures import several

from ..wording import listed, times, within
from .roles import Field, is_streams


def headline(field: Field) -> list[str]:
    """One to four sentences, the first of which is the finding. Made from the figures alone."""
    if not field.of.rows:
        return [_nothing(field.of)]
    cell = headline_cell(field)
    target = field.ours or _nearest(field, cell)
    if cell is None or target is None:
        return ["No target can be compared with another here: what was measured stands below."]
    said = (_cost(field, cell, target), _distance(field, cell, target), _over_all(field), _capacity(field, cell))
    return [sentence for sentence in said if sentence]


def headline_cell(field: Field) -> Cell | None:
    """The cell that the headline is about: small prompts, many callers; best one with a ratio to a plain proxy."""
    rows = {row.cell for row in field.of.rows if field.ours in (None, row.target)}
    cells = [cell for cell in field.of.cells if cell.name in rows]
    ours = field.ours
    with_ratio = [cell for cell in cells if ours and field.over_plain(cell.name, ours)]
    return min(with_ratio or cells, key=_rank, default=None)


def _rank(cell: Cell) -> tuple[bool, int, int]:
    return cell.mode != "closed", cell.prompt_bytes, -cell.connections


def shown_first(field: Field) -> list[Cell]:
    """The cells of the first screen, at most four: the headline's, a long prompt, streams, one caller at a time."""
    measured = [cell for cell in field.of.cells if field.distances(cell.name)]
    closed = [cell for cell in measured if cell.mode == "closed"]
    wanted = [
        headline_cell(field),
        max(closed, key=lambda cell: (cell.prompt_bytes == 102_400, cell.prompt_bytes), default=None),
        next((cell for cell in measured if is_streams(cell)), None),
        min(closed, key=lambda cell: (cell.connections, cell.prompt_bytes), default=None),
        *measured,
    ]
    names = list(dict.fromkeys(cell.name for cell in wanted if cell in measured and cell is not None))[:4]
    return [cell for name in names for cell in measured if cell.name == name]


def _nearest(field: Field, cell: Cell | None) -> str | None:
    """Of the gateways, the one that is nearest to the floor; failing that, whatever was measured."""
    if cell is None:
        return None
    distances = [one.target for one in field.distances(cell.name) if one.target != field.floor]
    gateways = [name for name in distances if field.role(name) == "other"]
    return next(iter([*gateways, *distances, *(row.target for row in field.of.rows if row.cell == cell.name)]), None)


def _cost(field: Field, cell: Cell, target: str) -> str:
    ratio = field.over_plain(cell.name, target)
    load = _load(cell)
    if ratio is None:
        row = field.row(cell.name, target)
        cpu = f" takes {row.cpu_us_per_call:.1f} µs of CPU for a call at {load}" if row else " was not measured there"
        return f"{field.title(target)}{cpu}; no plain proxy was measured beside it."
    return (
        f"{field.title(target)} costs {times(ratio.median)} of what {field.title(ratio.over)} costs at {load} "
        f"{within(ratio.low, ratio.high)}."
    )


def _load(cell: Cell) -> str:
    features = {True: ", key checked and model replaced", False: ", no feature on"}[cell.features]
    return f"{cell.title}{features}"


def _distance(field: Field, cell: Cell, target: str) -> str | None:
    found = next((one for one in field.distances(cell.name) if one.target == target), None)
    if found is None or target == field.floor:
        return None
    interval = f" {within(*found.interval)}" if found.interval else ", from medians"
    return f"That is {times(found.times)} the floor, a relay that only moves bytes{interval}."


def _over_all(field: Field) -> str | None:
    """Where else the headline's target is compared with a plain proxy: from the best to the worst cell."""
    if field.ours is None:
        return None
    ratios = [ratio.median for cell in field.of.cells if (ratio := field.over_plain(cell.name, field.ours))]
    if len(ratios) < 2:
        return None
    return f"Over all {len(ratios)} loads it costs from {times(min(ratios))} to {times(max(ratios))} of a plain proxy."


def _capacity(field: Field, cell: Cell) -> str | None:
    """How many times as many calls as each other gateway a core answers."""
    gateways = [name for name in field.names if field.role(name) == "other"]
    found = [(name, ratio.median) for name in gateways if (ratio := field.capacity(cell.name, name))]
    if not found:
        return None
    each = [f"{times(median)} those of {field.title(name)}" for name, median in found]
    return f"Calls answered by one core: {listed(each)}."


def _nothing(of: Comparison) -> str:
    if not of.windows:
        absent = f": {listed([one.name for one in of.absent])} could not be had" if of.absent else ""
        return f"Nothing was measured{absent}."
    void = sum(window.void is not None for window in of.windows)
    disturbed = sum(window.void is None and window.disturbed is not None for window in of.windows)
    why = [f"{disturbed} were disturbed by other programs" if disturbed else "", f"{void} are void" if void else ""]
    said = listed([one for one in why if one]) or "none counts"
    return f"No figure stands: of {several(len(of.windows), 'window')}, {said}."
