"""Buckets and spans: no second is left out or counted twice, and no more rows than needed are asked for."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from headgate.ledger.buckets import bucket_of, next_bucket
from headgate.ledger.spans import FINEST_FIRST, aligned, spans

_TIMES = st.integers(0, 4_000_000_000)
_GRAINS = st.sampled_from(FINEST_FIRST)


@given(_TIMES, _GRAINS)
def test_a_second_lies_in_the_bucket_that_a_calendar_names(at_s: int, grain: str) -> None:
    at = datetime.fromtimestamp(bucket_of(grain, at_s), UTC)
    assert bucket_of(grain, at_s) <= at_s < next_bucket(grain, bucket_of(grain, at_s))
    assert at.second == 0
    assert at.minute == 0 or grain == "minute"
    assert at.hour == 0 or grain in ("minute", "hour")
    assert at.day == 1 or grain != "month"


@given(_TIMES, _TIMES, _GRAINS)
def test_spans_cover_a_time_once(one: int, other: int, coarsest: str) -> None:
    since, until = sorted(bucket_of("minute", at) for at in (one, other))
    found = spans(since, until, coarsest)
    assert [span.since_s for span in found][1:] == [span.until_s for span in found][:-1]
    if found:
        assert (found[0].since_s, found[-1].until_s) == (since, until)
    else:
        assert since == until
    for span in found:
        assert span.since_s < span.until_s
        assert bucket_of(span.grain, span.since_s) == span.since_s
        assert bucket_of(span.grain, span.until_s) == span.until_s
        assert FINEST_FIRST.index(span.grain) <= FINEST_FIRST.index(coarsest)


def test_a_year_takes_few_buckets() -> None:
    until = int(datetime(2026, 11, 21, 20, 28, tzinfo=UTC).timestamp())
    found = spans(until - 365 * 86_400, until)
    months = [span for span in found if span.grain == "month"]
    assert len(months) == 1
    buckets = 11 + sum(
        (span.until_s - span.since_s) // {"minute": 60, "hour": 3600, "day": 86400}[span.grain]
        for span in found
        if span.grain != "month"
    )
    assert buckets < 11 + 31 + 24 + 24 + 60 + 60


@given(_TIMES, st.booleans())
def test_a_time_is_widened_to_what_is_still_kept(at_s: int, up: bool) -> None:  # noqa: FBT001
    kept = {"minute": 2_000_000_000, "hour": 1_000_000_000}
    found = aligned(at_s, kept, up=up)
    grain = "minute" if at_s >= 2_000_000_000 else "hour" if at_s >= 1_000_000_000 else "day"
    assert bucket_of(grain, found) == found
    assert abs(found - at_s) < {"minute": 60, "hour": 3600, "day": 86400}[grain]
    assert found >= at_s if up else found <= at_s
