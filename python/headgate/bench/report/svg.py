"""From a matplotlib figure to SVG that belongs to a page: its colours, its ids, no date, no outside reference.

Drawings are made with a palette of stand-in colours, and each stand-in is then replaced by a CSS variable of the page.
So a drawing follows the theme, and prints dark on white. Text stays text. Matplotlib's global state is not touched:
settings hold inside `drawing` alone, and figures are made without pyplot.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Stand-in -> variable of templates/style.css. No two may differ by letter case alone.
INK = "#010101"
SOFT = "#020202"
GRID = "#030303"
OURS = "#040404"
FLOOR = "#050505"
PLAIN = "#060606"
OTHER = "#070707"
BAD = "#080808"
PAPER = "#090909"
BAND = "#0a0a0a"
VARIABLES = {
    INK: "ink",
    SOFT: "soft",
    GRID: "grid",
    OURS: "ours",
    FLOOR: "floor",
    PLAIN: "plain",
    OTHER: "other",
    BAD: "bad",
    PAPER: "paper",
    BAND: "band",
}
ROLES = {"ours": OURS, "floor": FLOOR, "plain": PLAIN, "other": OTHER}

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "headgate",
    "svg.id": None,
    "text.parse_math": False,  # a name may hold a dollar sign
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: room for text is the same on every machine
    "font.size": 12,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 11,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "figure.facecolor": "none",
    "figure.dpi": 72,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.solid_capstyle": "round",
}


@dataclass(frozen=True)
class Plot:
    """A drawing in the page: `svg` is markup, `text` says in words what it shows, for those who cannot see it.

    `key` says which mark is which.
    """

    title: str
    svg: str
    text: str
    key: str = ""


@contextmanager
def drawing() -> Iterator[None]:
    """Holds the settings in which figures have to be both made and saved."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # Only room is measured with this font: the browser has another for what is missing here.
        warnings.filterwarnings("ignore", message=".*missing from font")
        yield


@dataclass(frozen=True)
class Margins:
    """Room around the axes, in pixels."""

    left: float = 56
    right: float = 16
    top: float = 10
    bottom: float = 44


def figure(width: float, height: float) -> Figure:
    """An empty figure of so many CSS pixels."""
    return Figure(figsize=(width / 72, height / 72))


def axes(on: Figure, margins: Margins | None = None, rows: tuple[float, float] = (0.0, 1.0)) -> Axes:
    """Axes inside the margins; `rows` is their share of the height that is left, from the top."""
    room = margins or Margins()
    width, height = on.get_size_inches() * 72
    inner = height - room.top - room.bottom
    bottom = room.bottom + inner * (1 - rows[1])
    place = (
        room.left / width,
        bottom / height,
        (width - room.left - room.right) / width,
        inner * (rows[1] - rows[0]) / height,
    )
    return on.add_axes(place)


def inline(drawn: Figure, name: str, label: str) -> str:
    """The figure as an `<svg>` element for HTML. `name` is unique on the page: it leads every id."""
    out = io.StringIO()
    drawn.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)  # its style would rule the whole page
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<[^>]+>", lambda tag: _adapt(tag[0], name), svg)
    svg = re.sub(r">\s+<", "><", svg)
    width, _ = drawn.get_size_inches() * 72
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}" style="--wide: {width:.0f}px"', 1).strip()


def _adapt(tag: str, name: str) -> str:
    """One tag: ids led by `name`, colours as variables, the page's own font, no needless digit or namespace."""
    tag = re.sub(r'\s+(?:xmlns(?::xlink)?|version)="[^"]*"', "", tag).replace("xlink:href=", "href=")
    if tag.startswith("<svg"):
        tag = re.sub(r'\s(?:width|height)="[^"]*"', "", tag)
    tag = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', tag)
    tag = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', tag)
    tag = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", tag)
    tag = re.sub(r"#0[0-9a]0[0-9a]0[0-9a]\b", lambda found: _variable(found[0]), tag)
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
    tag = re.sub(r"(\d\.\d\d)\d+", r"\1", tag)
    return re.sub(r"\s*\n\s*", " ", tag)


def _variable(colour: str) -> str:
    return f"var(--{VARIABLES[colour]})" if colour in VARIABLES else colour
