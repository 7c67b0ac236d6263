"""A run as one page of HTML."""

from __future__ import annotations

from dataclasses import dataclass

from headgate.bench.run.document import Run

from ..page import markup, page
from . import plots, tables
from .headline import circumstances, headline, notes, started, warnings


@dataclass(frozen=True)
class Shown:
    """A threshold as the page's table of verdicts has it."""

    figure: str
    measured: str
    met: bool
    wanted: None = None


def html(run: Run) -> str:
    """The page, whole."""
    return page("run.html", {**_first(run), **_figures(run)})


def _first(run: Run) -> dict[str, object]:
    """What the first screen needs."""
    return {
        "title": f"Load on {run.load.get('target', 'a gateway')}, {started(run)}",
        "what": "Load on a gateway",
        "beside": [started(run)],
        "headline": headline(run),
        "warnings": warnings(run),
        "notes": notes(run),
        "circumstances": circumstances(run),
        "command": run.command,
        "thresholds": [Shown(one.threshold, one.measured, one.met) for one in run.thresholds],
    }


def _figures(run: Run) -> dict[str, object]:
    """Drawings, and the tables behind them."""
    return {
        "percentiles": markup(plots.percentiles(run)),
        "capacity": markup(plots.capacity(run)),
        "probes": tables.probes(run),
        "times": tables.distributions(run),
        "over_time": markup(plots.over_time(run)),
        "series": tables.series(run),
        "histograms": markup(plots.histograms(run)),
        "errors": tables.errors(run),
        "counts": tables.counts(run),
        "health": tables.health(run),
    }
