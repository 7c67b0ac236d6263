"""How values lie between their least and greatest: the bars of a histogram, from the full log or from the curve."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from headgate.bench import hdr
from headgate.bench.result import Hist

BINS = 48
FINEST = 0.004  # of a value: values are recorded to three digits, and a bar must not be narrower


def bins(hist: Hist) -> list[tuple[float, float, float]]:
    """(from µs, to µs, share of all), with edges at equal ratios between the least value and the 99.9th percentile.

    What is above is left to the percentile curve: it would leave no room here.
    """
    low, high = max(hist.min_us, 0.1), max(hist.p999_us, hist.min_us, 0.1)
    number = min(BINS, math.floor(math.log(high / low) / FINEST))
    if number < 2:
        return [(low * 0.99, high * 1.01, 1.0)]
    edges = [low * (high / low) ** (at / number) for at in range(number + 1)]
    shares = _of_log(hist, edges) or _of_curve(hist, edges)
    return list(zip(edges, edges[1:], shares, strict=False))


def _of_log(hist: Hist, edges: Sequence[float]) -> list[float]:
    """The share in each bar, as it was counted; nothing where the result holds no log."""
    try:
        log = hdr.read(hist.hdr)
    except ValueError:
        return []
    shares = [0.0] * (len(edges) - 1)
    for value, count in log.counts:
        us = value * hdr.UNIT_US
        if us <= edges[-1] * (1 + FINEST / 2):  # a bucket is known by its highest value
            shares[min(max(bisect_left(edges, us) - 1, 0), len(shares) - 1)] += count / log.total
    return shares


def _of_curve(hist: Hist, edges: Sequence[float]) -> list[float]:
    """The share in each bar, straight between the points of the curve."""
    points = [(us, share) for share, us in hist.curve]
    below = [0.0, *(_share_below(points, edge) for edge in edges[1:])]
    return [max(0.0, upto - before) for before, upto in pairwise(below)]


def _share_below(points: Sequence[tuple[float, float]], value: float) -> float:
    at = bisect_right(points, (value, 2.0))
    if at in (0, len(points)):
        return float(at > 0)
    (left, before), (right, upto) = points[at - 1], points[at]
    return before + (upto - before) * (value - left) / (right - left) if right > left else upto
