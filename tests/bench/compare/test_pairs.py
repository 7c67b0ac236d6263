"""Ratios and differences, paired by round."""

from dataclasses import replace

import pytest

from headgate.bench.compare.cells import FULL, SMALL
from headgate.bench.compare.document import Ratio, Window
from headgate.bench.compare.pairs import Field, differences, interval, ratios

from .samples import CALM

ROLES = {"floor": "floor", "nginx": "proxy", "haproxy": "proxy", "headgated": "ours", "python": "baseline"}
ONE = next(cell for cell in FULL if cell.name == "64b-c1")
STREAMS = next(cell for cell in FULL if cell.name == "sse-c64")


def one_round(number: int, **cost: float) -> list[Window]:
    """A window for each target, with this CPU per call."""
    return [replace(CALM, target=target, round=number, cpu_us_per_call=us) for target, us in cost.items()]


def of(windows: list[Window], target: str, over: str, figure: str = "cpu", seed: int = 1) -> Ratio | None:
    found = ratios(Field([SMALL], windows, ROLES, seed))
    return next((r for r in found if (r.target, r.over, r.figure) == (target, over, figure)), None)


SLOW_MINUTE = one_round(0, nginx=32.0, haproxy=40.0, floor=24.0, headgated=24.0)
USUAL = one_round(1, nginx=16.0, haproxy=15.0, floor=12.0, headgated=15.0)


def test_a_ratio_is_taken_within_a_round_against_the_better_proxy_of_that_round() -> None:
    ratio = of([*SLOW_MINUTE, *USUAL], "headgated", "plain")
    assert ratio is not None
    assert ratio.rounds == 2
    assert ratio.median == pytest.approx((0.75 + 1.0) / 2)
    assert ratio.low == pytest.approx(0.75)
    assert ratio.high == pytest.approx(1.0)
    assert ratio.best == pytest.approx(15.0 / 15.0)


def test_a_round_without_the_other_target_gives_no_ratio() -> None:
    assert of(one_round(0, floor=12.0, headgated=15.0), "headgated", "plain") is None
    half = [*SLOW_MINUTE, *one_round(1, headgated=15.0)]
    ratio = of(half, "headgated", "floor")
    assert ratio is not None
    assert ratio.rounds == 1


def test_a_flawed_window_takes_part_in_no_ratio() -> None:
    flawed = [replace(window, void="a wrong byte") for window in SLOW_MINUTE]
    ratio = of([*flawed, *USUAL], "headgated", "nginx")
    assert ratio is not None
    assert ratio.median == pytest.approx(15.0 / 16.0)


def test_throughput_is_of_ours_over_other_gateways_and_more_is_better() -> None:
    windows = [*USUAL, *one_round(1, python=450.0), *SLOW_MINUTE, *one_round(0, python=480.0)]
    ratio = of(windows, "headgated", "python", "throughput")
    assert ratio is not None
    assert ratio.median == pytest.approx((450 / 15 + 480 / 24) / 2)
    assert ratio.best == pytest.approx(450 / 15)
    assert of(windows, "headgated", "nginx", "throughput") is None


def test_events_are_compared_where_there_are_streams() -> None:
    windows = [
        replace(CALM, cell=STREAMS.name, target=target, cpu_us_per_event=us, ttft_p50_us=us, ttft_p99_us=2 * us)
        for target, us in (("floor", 8.0), ("haproxy", 6.0), ("headgated", 9.0))
    ]
    field = Field([STREAMS], windows, ROLES, 1)
    assert {ratio.figure for ratio in ratios(field)} == {"events"}
    added = {(d.target, d.figure): d.median_us for d in differences(field)}
    assert added == {
        ("haproxy", "ttft_p50"): -2.0,
        ("haproxy", "ttft_p99"): -4.0,
        ("headgated", "ttft_p50"): 1.0,
        ("headgated", "ttft_p99"): 2.0,
    }


def test_latency_is_compared_where_it_is_no_queue() -> None:
    windows = [replace(CALM, cell=cell.name, target=t) for cell in (ONE, SMALL) for t in ("floor", "headgated")]
    found = differences(Field([ONE, SMALL], windows, ROLES, 1))
    assert {difference.cell for difference in found} == {ONE.name}


def test_the_same_seed_gives_the_same_interval_around_the_median() -> None:
    values = [0.9, 1.3, 1.0, 1.1, 0.7, 1.05, 0.95]
    assert interval(values, "1 a") == interval(values, "1 a")
    low, high = interval(values, "1 a")
    assert min(values) <= low <= 1.0 <= high <= max(values)


def test_what_never_varies_leaves_nothing_open() -> None:
    assert interval([1.05] * 5, "1") == (1.05, 1.05)
    assert interval([1.05], "1") == (1.05, 1.05)
