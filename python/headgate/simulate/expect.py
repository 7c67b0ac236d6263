"""What each world must keep: `goodput>=99%`, `amplification<=1.1`, `recovery<=30s`, `first_token_p99<2s`."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.bench.figures import show_us
from headgate.config.near import hint
from headgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.simulate.result import Figures

_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_FORM = re.compile(r"([a-z0-9_]+)\s*(<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zµ%$]*)")
_US = {"us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}
_QUANTILES = ("p50", "p90", "p99", "p999", "max")
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class _Figure:
    value: Callable[[Figures], float | None]
    units: dict[str, float]
    show: Callable[[float], str]
    wanted: str


def _percent(value: float) -> str:
    return f"{100 * value:.6g} %"


def _plain(value: float) -> str:
    return f"{value:.4g}"


def _seconds(value: float) -> str:
    return "never" if value == NEVER else f"{value / 1e6:g} s"


def _recovery(figures: Figures) -> float | None:
    if figures.unrecovered:
        return NEVER
    return None if figures.recovery_s is None else figures.recovery_s * 1e6


def _quantile(name: str, which: str) -> Callable[[Figures], float | None]:
    def value(figures: Figures) -> float | None:
        quantiles = getattr(figures, f"{name}_us")
        return None if quantiles is None else float(getattr(quantiles, which))

    return value


_SHARE = {"%": 0.01, "": 1.0}
_NUMBER = {"": 1.0}
FIGURES: dict[str, _Figure] = {
    "goodput": _Figure(lambda one: one.goodput, _SHARE, _percent, "a share such as 99%"),
    "committed": _Figure(
        lambda one: (one.good + one.cut) / max(1, one.offered - one.left), _SHARE, _percent, "a share such as 99.99%"
    ),
    "failed": _Figure(
        lambda one: (one.failed + one.cut) / max(1, one.offered), _SHARE, _percent, "a share such as 0.1%"
    ),
    "amplification": _Figure(lambda one: one.amplification, _NUMBER, _plain, "a number such as 1.1"),
    "amplification_peak": _Figure(lambda one: one.amplification_peak, _NUMBER, _plain, "a number such as 1.5"),
    "hedges": _Figure(lambda one: one.hedges / max(1, one.calls), _SHARE, _percent, "a share of calls such as 2%"),
    "overshoot": _Figure(lambda one: one.overshoot, _NUMBER, _plain, "a number such as 1.2"),
    "openings": _Figure(lambda one: float(one.openings), _NUMBER, _plain, "a number such as 3"),
    "recovery": _Figure(_recovery, _US, _seconds, "a time such as 30s"),
    **{
        f"{name}_{which}": _Figure(_quantile(name, which), _US, show_us, "a time such as 250ms")
        for name in ("first_token", "added")
        for which in _QUANTILES
    },
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One condition; `limit` is in the figure's own unit."""

    text: str
    figure: str
    compare: str
    limit: float

    def judge(self, figures: Figures) -> Judged:
        """Whether a world keeps it. What there is none of is kept: nothing was slow where nothing was measured."""
        figure = FIGURES[self.figure]
        value = figure.value(figures)
        if value is None:
            return Judged(self.text, "none", met=True, spare=NEVER)
        spare = self.limit - value if self.compare in ("<", "<=") else value - self.limit
        return Judged(self.text, figure.show(value), met=_COMPARE[self.compare](value, self.limit), spare=spare)


@dataclass(frozen=True, slots=True)
class Judged:
    """An expectation, what was found, and how far that is from the limit (below 0: beyond it)."""

    expectation: str
    found: str
    met: bool
    spare: float


def parse(text: str) -> list[Expectation]:
    """Reads expectations, separated by commas; raises `UsageError` naming the one that is none."""
    return [_one(part.strip()) for part in text.split(",")]


def _one(text: str) -> Expectation:
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"`{text}` is no expectation such as goodput>=99%, amplification<=1.1 or recovery<=30s")
    name, compare, number, unit = match.groups()
    figure = FIGURES.get(name)
    if figure is None:
        raise UsageError(f"there is no figure `{name}`{hint(name, FIGURES)}")
    if unit not in figure.units:
        raise UsageError(f"`{text}`: {name} is {figure.wanted}")
    return Expectation(f"{name}{compare}{number}{unit}", name, compare, float(number) * figure.units[unit])
