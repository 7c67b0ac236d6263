"""Money over time as a drawing: bars by hour, day or month, stacked by the first of what was asked by."""

from __future__ import annotations

import io
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headgate.bench.output import need
from headgate.errors import GatewayError, UsageError
from headgate.ledger.buckets import bucket_of, next_bucket
from headgate.ledger.contribution import OTHER
from headgate.ledger.keep import DAY_S
from headgate.ledger.money import NANO, short_usd
from headgate.ledger.times import show_time
from headgate.ledger.usage import TIMES, Question, ask

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from sqlalchemy import Connection

    from headgate.ledger.keep import Keep

COLOURS: Final = ("#365a80", "#a45c17", "#00756a", "#7a4b94", "#8a7a1f", "#b8372a", "#4f7f3a", "#3b8ea5", "#8b8f94")
_INK, _SOFT, _GRID = "#16222c", "#5a6873", "#e0e5e8"
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "headgate",
    "text.parse_math": False,  # a name may hold a dollar sign
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "text.color": _INK,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _SOFT,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": _GRID,
    "xtick.color": _GRID,
    "ytick.color": _GRID,
    "xtick.labelcolor": _SOFT,
    "ytick.labelcolor": _SOFT,
    "legend.frameon": False,
    "legend.fontsize": 10,
}
_WIDTH, _HEIGHT = 10.0, 4.6  # inches of 72 pixels
_MOST_LABELS = 8

Bars = dict[str, dict[int, int]]
"""Of each name, by bucket, nano-dollars."""


def check(path: str) -> str:
    """The form of a drawing, before anything is asked. Raises `UsageError` or `GatewayError`."""
    form = Path(path).suffix[1:]
    if form not in ("svg", "png"):
        raise UsageError(f"--plot {path}: a name ends in .svg or .png")
    need("matplotlib", what="a drawing")
    return form


def write(connection: Connection, question: Question, keep: Keep, now_s: int, path: str) -> None:
    """Draws a question's money over time into a file."""
    form = check(path)
    grain = next(grain for grain, most_s in _GRAINS if question.until_s - question.since_s <= most_s)
    by = next((name for name in question.by if name not in TIMES), None)
    asked = Question((grain, by) if by else (grain,), question.since_s, question.until_s, question.where)
    answer = ask(connection, asked, keep, now_s)
    bars: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for line in answer.lines:
        name = str(line.group[1]) if by else "all calls"
        bars[name or f"(no {by})"][int(line.group[0])] += line["nano_usd"]
    buckets = [bucket_of(grain, answer.since_s)]
    while (after := next_bucket(grain, buckets[-1])) < answer.until_s:
        buckets.append(after)
    try:
        Path(path).write_bytes(draw(most(dict(bars)), buckets, grain, form))
    except OSError as error:
        raise GatewayError(f"{path} cannot be written: {error.strerror}") from None


_GRAINS: Final = (("hour", 3 * DAY_S), ("day", 120 * DAY_S), ("month", 1 << 62))


def most(bars: Bars) -> Bars:
    """Those with most money, most first, and the rest together, so that each has a colour of its own."""
    ranked = sorted(bars, key=lambda name: (-sum(bars[name].values()), name))
    if len(ranked) <= len(COLOURS):
        return {name: bars[name] for name in ranked}
    kept: Bars = {name: bars[name] for name in ranked[: len(COLOURS) - 1]}
    rest: defaultdict[int, int] = defaultdict(int)
    for name in ranked[len(COLOURS) - 1 :]:
        for bucket, nano in bars[name].items():
            rest[bucket] += nano
    return kept | {OTHER: dict(rest)}


def draw(bars: Bars, buckets: list[int], grain: str, form: str) -> bytes:
    """The bytes of a file. The same bars give the same SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
        _stack(figure.add_subplot(), bars, buckets, grain)
        out = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(out, format=form, dpi=72 if form == "svg" else 144, metadata=metadata, facecolor="white")
        return out.getvalue()


def _stack(axes: Axes, bars: Bars, buckets: list[int], grain: str) -> None:
    floor = [0.0] * len(buckets)
    for number, (name, held) in enumerate(bars.items()):
        heights = [held.get(bucket, 0) / NANO for bucket in buckets]
        label = f"{name}  {short_usd(sum(held.values()))}"
        axes.bar(range(len(buckets)), heights, bottom=floor, color=COLOURS[number], width=0.85, label=label)
        floor = [low + height for low, height in zip(floor, heights, strict=True)]
    step = -(-len(buckets) // _MOST_LABELS)
    ticks = list(range(0, len(buckets), step))
    axes.set_xticks(ticks, [show_time(buckets[place], grain) for place in ticks])
    axes.yaxis.set_major_formatter(lambda value, _: f"${value:,.4g}")
    axes.set_title(f"Money by {grain}", loc="left", fontsize=12, color=_INK)
    if bars:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
