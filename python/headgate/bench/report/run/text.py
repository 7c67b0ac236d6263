"""A run as Markdown: what fits into a pull request."""

from __future__ import annotations

from headgate.bench.run.document import Run

from .. import markdown as md
from ..table import Table
from . import tables
from .headline import circumstances, headline, notes, started, warnings


def markdown(run: Run) -> str:
    """Headline, warnings, thresholds, times, failed calls, the search; what was asked; the rest folded."""
    first, *rest = headline(run)
    lines = ["# Load on a gateway", "", f"**{md.text(first)}**", *(md.text(sentence) for sentence in rest)]
    lines += [line for warning in warnings(run) for line in ("", f"> **Warning.** {md.text(warning)}")]
    lines += [line for note in notes(run) for line in ("", f"> {md.text(note)}")]
    shown = [_thresholds(run), tables.probes(run), tables.distributions(run), tables.errors(run), tables.counts(run)]
    lines += [line for table in shown for line in md.section(table)]
    lines += ["", "### How", "", f"- command: {md.code(run.command)}", f"- started: {md.text(started(run))}"]
    lines += [f"- {md.text(label)}: {md.text(words)}" for label, words in circumstances(run)]
    lines += md.folded("The load itself, and the run over time", [tables.health(run), tables.series(run)])
    return "\n".join(lines) + "\n"


def _thresholds(run: Run) -> Table:
    rows = [[one.threshold, one.measured, "met" if one.met else "missed"] for one in run.thresholds]
    return Table("Thresholds", ["threshold", "measured", "verdict"], rows)
