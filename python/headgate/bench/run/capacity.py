"""The search for the largest rate that keeps a set of thresholds, as a pure function over probes.

The rate is doubled from where the search starts until a window misses (or halved until one is kept), then bisected by
ratio; a fresh window at the rate that was found has to confirm it. The first miss is tried twice: one disturbed window
must not hide all that lies above it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Probe = Callable[[float], bool]
"""Puts this many calls per second on the target for a window; whether the thresholds were kept."""

PRECISION = 1.05
LEAST, MOST = 1.0, 1_000_000.0
_STEPS_DOWN = 4


@dataclass(frozen=True)
class Found:
    """What a search ended with. `per_second` is None when no rate was confirmed; `note` then says so."""

    per_second: float | None
    note: str


def search(probe: Probe, start: float) -> Found:
    """Searches from a rate of `start` per second. What `probe` raises ends it."""
    low, high = _bracket(probe, _rounded(start))
    if low is None:
        return Found(None, f"not even {LEAST:g} call per second keeps the thresholds")
    while high is not None and high / low > PRECISION:
        middle = _rounded(math.sqrt(low * high))
        if not low < middle < high:
            break
        low, high = (middle, high) if probe(middle) else (low, middle)
    return _confirmed(probe, low, at_most=high is None)


def _bracket(probe: Probe, start: float) -> tuple[float | None, float | None]:
    """A rate that is kept and a higher one that is not. The first is None where none is kept."""
    if probe(start) or probe(start):
        low = start
        while low < MOST:
            high = _rounded(low * 2)
            if not probe(high) and not probe(high):
                return low, high
            low = high
        return low, None
    high = start
    while high > LEAST:
        low = max(_rounded(high / 2), LEAST)
        if probe(low):
            return low, high
        high = low
    return None, high


def _confirmed(probe: Probe, rate: float, *, at_most: bool) -> Found:
    """Tries the rate again, and goes down a step at a time where that window misses."""
    for _ in range(_STEPS_DOWN):
        if probe(rate):
            note = "the highest rate that is tried" if at_most else ""
            return Found(rate, note)
        rate = _rounded(rate / PRECISION)
        if rate < LEAST:
            break
    return Found(None, "no rate was confirmed by a second window: the answers vary too much for these thresholds")


def _rounded(rate: float) -> float:
    """Three digits: rates that a person would write."""
    rate = min(max(rate, LEAST), MOST)
    digits = 2 - math.floor(math.log10(rate))
    return round(rate, digits)
