"""Which windows count."""

from dataclasses import replace

import pytest

from headgate.bench.compare.count import is_clean, judged, rows
from headgate.bench.compare.document import Window

from .samples import CALM


@pytest.mark.parametrize("flawed", [replace(CALM, void="a wrong byte"), replace(CALM, disturbed="others")])
def test_a_window_with_a_flaw_does_not_count(flawed: Window) -> None:
    [row] = rows(judged([CALM, flawed]))
    assert (row.windows, row.left_out) == (1, 1)


def test_a_window_in_which_the_provider_was_slow_is_left_out_and_says_so() -> None:
    windows = judged([CALM, CALM, replace(CALM, provider_us_per_call=7.8, cpu_us_per_call=99.0)])
    assert windows[2].disturbed == "the machine was slow: the provider took 7.8 µs for a call, usually 7.0"
    [row] = rows(windows)
    assert (row.windows, row.left_out, row.cpu_us_per_call, row.cpu_us_per_call_best) == (2, 1, 16.0, 16.0)


def test_a_slow_provider_of_one_target_is_not_compared_with_that_of_another() -> None:
    windows = judged([CALM, replace(CALM, target="headgated", provider_us_per_call=9.0)])
    assert all(map(is_clean, windows))


def test_what_a_void_window_took_does_not_move_the_canary() -> None:
    windows = judged([CALM, *[replace(CALM, void="a wrong byte", provider_us_per_call=1.0)] * 5])
    assert is_clean(windows[0])


def test_a_target_without_a_clean_window_has_no_row() -> None:
    assert rows(judged([replace(CALM, void="a wrong byte")])) == []


def test_a_row_has_medians_and_the_best() -> None:
    costs = (20.0, 16.0, 17.0)
    [row] = rows(judged([replace(CALM, round=number, cpu_us_per_call=cost) for number, cost in enumerate(costs)]))
    assert (row.cpu_us_per_call, row.cpu_us_per_call_best) == (17.0, 16.0)
    assert row.calls_per_core_second == pytest.approx(1e6 / 17.0)
