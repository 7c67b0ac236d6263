"""Thresholds: what is read, what is refused, and how a result is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.bench.result import Hist, LoadResult
from headgate.bench.run import slo
from headgate.errors import UsageError
from tests.bench import hdr_logs, sample_documents

RESULT = sample_documents.load_result()


def judged(text: str, result: LoadResult = RESULT) -> bool:
    (threshold,) = slo.parse(text)
    return threshold.judge(result).met


def test_a_list_is_read_in_its_order() -> None:
    thresholds = slo.parse("p99<50ms, errors<0.1%,ttft_p95 <= 300ms,rate>1900")
    assert [one.text for one in thresholds] == ["p99<50ms", "errors<0.1%", "ttft_p95<=300ms", "rate>1900"]
    assert [one.limit for one in thresholds] == [50_000, 0.001, 300_000, 1900]
    assert [(one.distribution, one.quantile) for one in thresholds[::2]] == [("latency", 0.99), ("ttft", 0.95)]


@pytest.mark.parametrize(
    ("name", "quantile"),
    [
        ("p50", 0.5),
        ("p99.9", 0.999),
        ("p999", 0.999),
        ("p9999", 0.9999),
        ("p75", 0.75),
        ("p100", "max"),
        ("max", "max"),
    ],
)
def test_a_quantile_is_read_as_people_write_it(name: str, quantile: float | str) -> None:
    assert slo.parse(f"{name}<1s")[0].quantile == quantile


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no threshold"),
        ("p99", "no threshold"),
        ("p99<50ms,", "no threshold"),
        ("p99<50", "unit"),
        ("p99<50kg", "unit"),
        ("p99=50ms", "no threshold"),
        ("q99<50ms", "not known"),
        ("p250<50ms", "p100"),
        ("errors<1ms", "share"),
        ("errors>1%", "asks for errors"),
        ("rate>10ms", "calls per second"),
        ("ttft<1s", "not known"),
    ],
)
def test_what_is_no_threshold_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        slo.parse(text)


DISTRIBUTIONS = st.sampled_from(["", *(f"{name}_" for name in get_args(slo.Distribution))])
QUANTILES = st.one_of(st.sampled_from(["max", "mean"]), st.integers(0, 99).map("p{}".format))
TIMES = st.tuples(
    st.one_of(st.integers(0, 10**6), st.decimals(0, 1000, places=3)), st.sampled_from(sorted(slo.UNITS_US))
).map(lambda one: f"{one[0]}{one[1]}")
FIGURES = st.one_of(
    st.tuples(DISTRIBUTIONS, QUANTILES, st.sampled_from(sorted(slo.COMPARE)), TIMES),
    st.tuples(st.just("errors"), st.sampled_from(["<", "<="]), st.integers(0, 100).map("{}%".format)),
    st.tuples(st.just("rate"), st.sampled_from(sorted(slo.COMPARE)), st.integers(0, 10**6).map(str)),
).map("".join)


@given(st.lists(FIGURES, min_size=1, max_size=6))
def test_what_was_read_reads_as_itself_again(texts: list[str]) -> None:
    thresholds = slo.parse(",".join(texts))
    assert [one.text for one in thresholds] == texts
    assert slo.parse(" , ".join(one.text for one in thresholds)) == thresholds


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_as_usage(text: str) -> None:
    try:
        slo.parse(text)
    except UsageError:
        return


@given(st.lists(st.floats(1, 1e7), min_size=1, max_size=300), st.integers(0, 99), st.floats(0.5, 2e7))
def test_a_threshold_on_a_quantile_is_met_when_so_many_calls_are_below(
    values: list[float], percent: int, limit_us: float
) -> None:
    hist = hdr_logs.hist(values)
    met = judged(f"p{percent}<={limit_us:.6f}us", replace(RESULT, latency=hist))
    below = sum(value <= limit_us * 1.002 for value in values)
    if met:
        assert below >= percent / 100 * len(values) * 0.999
    else:
        assert sum(value <= limit_us * 0.998 for value in values) <= max(1, percent / 100 * len(values) + 1)


def hist(p99_us: float) -> Hist:
    return replace(sample_documents.hist(1000), p99_us=p99_us, max_us=2 * p99_us, mean_us=p99_us / 2)


def test_limits_are_compared_as_they_are_written() -> None:
    result = replace(RESULT, latency=hist(50_000), good=9990, failures={"timeout": 10}, elapsed_s=5.0)
    assert [judged(f"p99{sign}50ms", result) for sign in ("<", "<=", ">", ">=")] == [False, True, False, True]
    assert [judged(text, result) for text in ("errors<0.1%", "errors<=0.1%", "errors<10", "errors<=10")] == [
        False,
        True,
        False,
        True,
    ]
    assert [judged(text, result) for text in ("rate>1997", "rate>1998", "max<=100ms", "mean<25ms")] == [
        True,
        False,
        True,
        False,
    ]


def test_what_was_not_measured_is_not_kept() -> None:
    (threshold,) = slo.parse("gap_p50<1s")
    told = threshold.judge(replace(RESULT, gap=None))
    assert (told.met, told.measured) == (False, "nothing was measured as gap")


def test_a_load_without_any_call_keeps_no_rate_and_has_no_errors() -> None:
    nothing = replace(RESULT, good=0, failures={}, latency=None)
    assert [judged(text, nothing) for text in ("rate>1", "errors<1%", "p50<1s")] == [False, True, False]
