"""Which sums answer a question about a time: the coarsest that fit, so that a year takes few rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headgate.ledger.buckets import bucket_of, next_bucket

FINEST_FIRST: Final = ("minute", "hour", "day", "month")


@dataclass(frozen=True, slots=True)
class Span:
    """Buckets of one grain: from one that counts to one that does not, in seconds since 1970."""

    grain: str
    since_s: int
    until_s: int


def aligned(at_s: int, kept_since_s: dict[str, int], *, up: bool) -> int:
    """The nearest time at or before (`up`: at or behind) one that sums which are still kept can tell."""
    grain = next((each for each in FINEST_FIRST if at_s >= kept_since_s.get(each, 0)), "month")
    bucket = bucket_of(grain, at_s)
    return next_bucket(grain, bucket) if up and bucket < at_s else bucket


def spans(since_s: int, until_s: int, coarsest: str = "month") -> list[Span]:
    """Covers a time from minute to minute without gap or overlap, with nothing coarser than `coarsest`."""
    if since_s >= until_s:
        return []
    if coarsest == "minute":
        return [Span("minute", since_s, until_s)]
    first = bucket_of(coarsest, since_s)
    start = first if first == since_s else next_bucket(coarsest, first)
    end = bucket_of(coarsest, until_s)
    finer = FINEST_FIRST[FINEST_FIRST.index(coarsest) - 1]
    if start >= end:
        return spans(since_s, until_s, finer)
    return [*spans(since_s, start, finer), Span(coarsest, start, end), *spans(end, until_s, finer)]
