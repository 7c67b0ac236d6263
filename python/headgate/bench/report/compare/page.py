"""A comparison as one page of HTML."""

from __future__ import annotations

from headgate.bench.compare.document import Comparison, Verdict
from headgate.bench.figures import several

from ..page import markup, page
from ..table import Table
from ..wording import moment
from . import plots, raw, tables
from .headline import headline
from .reasons import reasons_to_believe
from .roles import Field

SECTIONS = {
    "targets": "Against the targets",
    "against": "Other gateways",
    "cpu": "CPU",
    "latency": "Latency",
    "streams": "Streams",
    "prompts": "Longer prompts",
    "resources": "System calls, memory, start",
    "who": "What was measured",
    "absent": "Absent",
    "notes": "Notes",
    "all": "All figures",
}


def html(comparison: Comparison) -> str:
    """The page, whole."""
    field = Field(comparison)
    context = {**_first(field), **_figures(field), **_rest(field)}
    context["sections"] = [(anchor, label) for anchor, label in SECTIONS.items() if _stands(anchor, context)]
    return page("compare.html", context)


def _first(field: Field) -> dict[str, object]:
    """What the first screen needs."""
    sentences = headline(field)
    return {
        "title": f"Comparison of gateways, {moment(field.of.started)}",
        "what": "Comparison of gateways",
        "beside": [
            moment(field.of.started),
            several(len(field.of.targets), "target"),
            several(len(field.of.cells), "load"),
        ],
        "headline": sentences,
        "reasons": reasons_to_believe(field),
        "roles": {field.role(name) for name in field.names},
        "far": markup(plots.first_screen(field)),
        "distances": tables.distances(field),
        "against": tables.against(field),
        "verdicts": field.of.verdicts,
        "verdict_count": _counted(field.of.verdicts),
    }


def _figures(field: Field) -> dict[str, object]:
    """Drawings, and the tables behind them."""
    resources = [tables.system_calls(field), tables.memory(field), tables.starts(field)]
    return {
        "boxes": markup(plots.window_boxes(field)),
        "costs": tables.costs(field),
        "left_out": raw.left_out(field),
        "added": markup(plots.added_latency(field)),
        "latency_plots": markup(plots.latency(field)),
        "latency": tables.latency(field),
        "stream_plots": markup([*plots.event_delay(field), *plots.added_ttft(field)]),
        "streams": tables.streams(field),
        "prompt_plots": markup(plots.prompt_sizes(field)),
        "slopes": tables.slopes(field),
        "resource_plots": markup([*plots.system_calls(field), *plots.memory(field), *plots.starts(field)]),
        "resources": [table for table in resources if table.rows],
    }


def _rest(field: Field) -> dict[str, object]:
    return {
        "targets": field.of.targets,
        "absent": tables.absent(field),
        "notes": field.of.notes,
        "command": field.of.command,
        "raw": [table for table in (raw.ratios(field), raw.differences(field), raw.windows(field)) if table.rows],
    }


def _stands(anchor: str, context: dict[str, object]) -> bool:
    """Whether the page has this section: the parts of which it is made are not all empty."""
    parts = {
        "targets": ("verdicts",),
        "cpu": ("boxes", "costs"),
        "prompts": ("slopes", "prompt_plots"),
        "who": ("targets",),
        "all": ("raw",),
    }
    found = (context[part] for part in parts.get(anchor, (anchor,)))
    return any(part.rows if isinstance(part, Table) else part for part in found)


def _counted(verdicts: list[Verdict]) -> str:
    met = sum(verdict.met is True for verdict in verdicts)
    missed = sum(verdict.met is False for verdict in verdicts)
    unmeasured = len(verdicts) - met - missed
    text = f"{met} of {several(len(verdicts), 'figure')} met, {missed} missed"
    return f"{text}, {unmeasured} not measured." if unmeasured else f"{text}."
