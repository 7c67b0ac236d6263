"""What benchmarks/cost makes of its windows; the measuring itself needs a quiet machine and is not tested here."""

from dataclasses import replace

import pytest

from benchmarks.cost.footprint import Footprint
from benchmarks.cost.report import Report
from benchmarks.cost.summary import ratios, rows, that_count
from benchmarks.cost.window import Cell, Window

CALM = Window(
    target="nginx",
    cell="64 B, c=50",
    round=0,
    requests=1000,
    seconds=1.0,
    wrong_answers=0,
    broken_connections=0,
    cpu_us_per_request=16.0,
    provider_us_per_request=7.0,
    others_share=0.01,
    gateway_core_busy=1.0,
    other_core_busy=0.9,
    p50_us=500,
    p99_us=900,
)


def one_round(number: int, **cost: float) -> list[Window]:
    """A window for each target, with this CPU per request."""
    return [replace(CALM, target=target, round=number, cpu_us_per_request=us) for target, us in cost.items()]


def test_x_is_taken_within_a_round_against_the_better_proxy() -> None:
    slow_minute = one_round(0, nginx=32.0, haproxy=40.0, relay=24.0, headgated=24.0)
    usual = one_round(1, nginx=16.0, haproxy=15.0, relay=12.0, headgated=15.0)
    [ratio] = ratios([*slow_minute, *usual])
    assert ratio.rounds == 2
    assert ratio.x_median == pytest.approx(0.875)
    assert ratio.x_best == pytest.approx(1.0)
    assert ratio.d_median == pytest.approx(0.125)
    assert ratio.d_best == pytest.approx(0.25)


def test_a_round_without_a_plain_proxy_gives_no_ratio() -> None:
    assert ratios(one_round(0, relay=12.0, headgated=15.0)) == []


@pytest.mark.parametrize(
    "flawed",
    [
        replace(CALM, wrong_answers=1),
        replace(CALM, broken_connections=1),
        replace(CALM, requests=0),
        replace(CALM, others_share=0.09),
    ],
)
def test_a_window_with_a_flaw_does_not_count(flawed: Window) -> None:
    assert that_count([CALM, flawed]) == [CALM]


def test_a_window_in_which_the_provider_was_slow_does_not_count() -> None:
    windows = [CALM, CALM, replace(CALM, provider_us_per_request=7.8, cpu_us_per_request=99.0)]
    assert that_count(windows) == [CALM, CALM]
    [row] = rows(windows)
    assert (row.windows, row.left_out, row.cpu_us_best) == (2, 1, 16.0)


def test_a_slow_provider_of_one_target_is_not_compared_with_that_of_another() -> None:
    windows = [CALM, replace(CALM, target="headgated", provider_us_per_request=9.0)]
    assert that_count(windows) == windows


def test_the_report_names_each_figure_that_was_missed() -> None:
    windows = one_round(0, nginx=16.0, haproxy=18.0, relay=12.0, headgated=17.6)
    windows += [
        replace(window, cell="100 KB, c=8", cpu_us_per_request=50.0)
        for window in windows
        if window.target != "headgated"
    ]
    footprints = [
        Footprint("headgated", 9 << 20, 30.0, 20.0, 5),
        Footprint("headgate serve", 60 << 20, 601.0, 500.0, 5),
    ]
    report = Report("a command", [], [], windows, footprints)
    assert report.missed() == [
        "X at 64 B, c=50: 1.10, above 1.00",
        "X at 100 KB, c=8: no clean round",
        "headgated: 9216 KiB idle, above 8192",
        "headgate serve: answers after 601 ms, above 600",
    ]


def test_the_cells_that_are_gated_are_cells_that_are_measured() -> None:
    assert [Cell(64, 50).name, Cell(100_000, 8).name] == ["64 B, c=50", "100 KB, c=8"]
