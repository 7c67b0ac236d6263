"""The search for the capacity, against response curves that need no socket."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.bench.run import capacity


class Target:
    """Keeps its thresholds up to a rate; some windows are spoiled by something else."""

    def __init__(self, most: float, spoiled: frozenset[int] = frozenset()) -> None:
        self.most = most
        self.spoiled = spoiled
        self.probes: list[float] = []

    def probe(self, per_second: float) -> bool:
        """One window."""
        self.probes.append(per_second)
        return per_second <= self.most and len(self.probes) not in self.spoiled


@given(st.floats(1.1, 900_000), st.floats(1, 900_000))
def test_the_rate_found_is_within_a_step_of_the_true_one(most: float, start: float) -> None:
    target = Target(most)
    found = capacity.search(target.probe, start)
    assert found.per_second is not None
    assert most / (capacity.PRECISION * 1.02) <= found.per_second <= most
    assert target.probes[-1] == found.per_second, "the last window confirms it"
    assert len(target.probes) < 60


@given(st.floats(2, 900_000))
def test_rates_are_those_that_a_person_would_write(most: float) -> None:
    target = Target(most)
    capacity.search(target.probe, 50)
    assert all(float(f"{rate:.3g}") == rate for rate in target.probes)


def test_one_spoiled_window_on_the_way_up_hides_nothing() -> None:
    found = capacity.search(Target(1000, frozenset({3})).probe, 50)
    assert found.per_second is not None
    assert found.per_second > 900


def test_a_confirming_window_that_misses_takes_the_rate_a_step_down() -> None:
    quiet = Target(1000)
    capacity.search(quiet.probe, 50)
    found = capacity.search(Target(1000, frozenset({len(quiet.probes)})).probe, 50)
    assert found.per_second is not None
    assert found.per_second < quiet.probes[-1]


def test_a_target_that_keeps_nothing_has_no_capacity() -> None:
    found = capacity.search(Target(0).probe, 100)
    assert found.per_second is None
    assert "1 call per second" in found.note


def test_a_target_that_keeps_all_says_that_no_more_was_tried() -> None:
    found = capacity.search(Target(float("inf")).probe, 100_000)
    assert (found.per_second, found.note) == (capacity.MOST, "the highest rate that is tried")


def test_a_target_that_is_never_good_twice_is_not_believed() -> None:
    chances = random.Random(1)
    answers = iter([True, *([False] * 200)])
    found = capacity.search(lambda _: next(answers), chances.uniform(50, 60))
    assert found.per_second is None
    assert "confirmed" in found.note


def test_what_a_probe_raises_ends_the_search() -> None:
    def probe(_: float) -> bool:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        capacity.search(probe, 50)
