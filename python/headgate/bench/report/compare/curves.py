"""CPU per call over the length of the prompt."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..lines import Curve, draw
from ..rows import decades
from ..svg import ROLES, Margins, axes, figure, inline
from ..wording import size, tick

Lengths = tuple[str, str, list[tuple[int, float]]]  # title, role, (bytes, µs)


def prompt_curves(found: Sequence[Lengths], label: str) -> str:
    """A line for each target; both axes are logarithmic."""
    drawn = figure(400, 300)
    on = axes(drawn, Margins(left=52, right=124))
    lengths = sorted({x for _, _, points in found for x, _ in points})
    costs = [y for _, _, points in found for _, y in points]
    low, high = min(costs) / 1.25, max(costs) * 1.25
    on.set(xscale="log", yscale="log", xlim=(lengths[0] / 1.3, lengths[-1] * 1.3), ylim=(low, high))
    on.xaxis.set_major_locator(FixedLocator(_apart(lengths)))
    on.xaxis.set_major_formatter(FuncFormatter(lambda value, _: size(value)))
    on.yaxis.set_major_locator(FixedLocator(decades(low, high)))
    on.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    on.xaxis.set_minor_locator(NullLocator())
    on.yaxis.set_minor_locator(NullLocator())
    on.set_xlabel("length of the prompt; both axes are logarithmic")
    draw(on, [Curve(title, ROLES[role], points, strong=role == "ours") for title, role, points in found], marker="o")
    return inline(drawn, "prompt", label)


def _apart(lengths: Sequence[int]) -> list[int]:
    """Those lengths between which there is room for their names, the longest first."""
    kept: list[int] = []
    for length in reversed(lengths):
        if not kept or kept[-1] >= 3 * length:
            kept.append(length)
    return kept
