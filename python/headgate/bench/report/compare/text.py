"""A comparison as Markdown: what fits into a pull request."""

from __future__ import annotations

from headgate.bench.compare.document import Comparison

from .. import markdown as md
from . import raw, tables
from .headline import headline
from .reasons import reasons_to_believe
from .roles import Field


def markdown(comparison: Comparison) -> str:
    """Headline, why to believe it, verdicts, distances, figures; absent targets and notes; the rest folded."""
    field = Field(comparison)
    first, *rest = headline(field)
    lines = ["# Comparison of gateways", "", f"**{md.text(first)}**", *(md.text(sentence) for sentence in rest), ""]
    lines += [f"- {label}: {md.text(fact)}" for label, fact in reasons_to_believe(field)]
    lines += [f"- Command: {md.code(comparison.command)}"]
    lines += [
        line for table in (tables.verdicts, tables.distances, tables.against) for line in md.section(table(field))
    ]
    rest_of_them = (tables.costs, tables.latency, tables.streams, tables.slopes, tables.memory, tables.starts)
    shown = [table(field) for table in (*rest_of_them, tables.system_calls, tables.absent)]
    lines += [line for table in shown for line in md.section(table)]
    lines += _notes(field)
    lines += md.folded("Windows left out", [raw.left_out(field)])
    lines += md.folded("All ratios and differences", [raw.ratios(field), raw.differences(field)])
    return "\n".join(lines) + "\n"


def _notes(field: Field) -> list[str]:
    """What a target's manifest calls unfair, and what the run itself has to say."""
    unfair = [f"- {md.text(target.title)}: {md.text(words)}" for target in field.of.targets for words in target.unfair]
    notes = [f"- {md.text(note)}" for note in field.of.notes]
    lines = ["", "### What is unfair", "", *unfair] if unfair else []
    return [*lines, "", "### Notes", "", *notes] if notes else lines
