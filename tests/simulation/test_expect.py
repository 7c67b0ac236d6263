"""Expectations: how they are written, and how they are judged."""

import pytest

from headgate.errors import UsageError
from headgate.simulate import expect
from headgate.simulate.result import Figures, Quantiles

QUANTILES = Quantiles(p50=1000, p90=2000, p99=3000, p999=4000, max=5000)
FIGURES = Figures(
    offered=1000, good=980, failed=10, cut=2, left=8, goodput=0.988, calls=1010, attempts=1111, retries=101, hedges=20,
    hedges_won=5, amplification=1.1, amplification_peak=1.5, first_token_us=QUANTILES, added_us=None, openings=3,
    faults=50, spend_nanousd=5, wasted_nanousd=1, unpriced=0, recovery_s=12, unrecovered=0, overshoot=1.05,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found", "met"),
    [
        ("goodput>=98.8%", "98.8 %", True),
        ("goodput>=0.99", "98.8 %", False),
        ("committed>=98.9%", "98.9919 %", True),
        ("failed<1.2%", "1.2 %", False),
        ("failed <= 1.2 %", "1.2 %", True),
        ("amplification<=1.1", "1.1", True),
        ("amplification_peak<1.5", "1.5", False),
        ("recovery<=12s", "12 s", True),
        ("overshoot<1.1", "1.05", True),
        ("openings<=2", "3", False),
        ("hedges<=2%", "1.9802 %", True),
        ("first_token_p99<3ms", "3.00 ms", False),
        ("first_token_max<=5000us", "5.00 ms", True),
        ("added_p50<1us", "none", True),
    ],
)
def test_each_figure_is_judged_in_its_own_unit(text: str, found: str, *, met: bool) -> None:
    (one,) = expect.parse(text)
    judged = one.judge(FIGURES)
    assert (judged.found, judged.met) == (found, met)


def test_a_world_that_never_recovers_keeps_no_time() -> None:
    (one,) = expect.parse("recovery<=1000m")
    never = FIGURES.model_copy(update={"recovery_s": None, "unrecovered": 1})
    assert one.judge(never) == expect.Judged("recovery<=1000m", "never", met=False, spare=-expect.NEVER)


def test_how_far_a_figure_is_from_its_limit_counts_in_the_direction_of_the_limit() -> None:
    above, below = expect.parse("goodput>=98%, openings<5")
    assert (round(above.judge(FIGURES).spare, 6), below.judge(FIGURES).spare) == (0.008, 2)
    (missed,) = expect.parse("overshoot<=1")
    assert round(missed.judge(FIGURES).spare, 6) == -0.05


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("goodput=99%", "`goodput=99%` is no expectation"),
        ("goodpt>99%", "there is no figure `goodpt`; did you mean `goodput`?"),
        ("recovery<30", "recovery is a time such as 30s"),
        ("goodput>99ms", "goodput is a share such as 99%"),
    ],
)
def test_what_is_no_expectation_is_named(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        expect.parse(text)
    assert said in str(refused.value)
