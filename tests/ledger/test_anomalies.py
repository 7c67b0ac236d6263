"""What is out of the ordinary: the rules as properties, and what becomes of a finding."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.ledger.anomalies import (
    LEAST_CALLS,
    LEAST_HOURS,
    LEAST_NANO_USD,
    LEAST_TASKS,
    LEAST_TOKENS,
    spend_limit,
    spend_rate,
    task_tokens,
)
from headgate.ledger.database import Database
from headgate.ledger.entries import Entry, Settled, Usage
from headgate.ledger.fold import Fold
from headgate.ledger.lookout import Lookout, listed
from tests.ledger.made import Made, simple

_HOURS = st.lists(st.integers(1, 10**13), min_size=LEAST_HOURS, max_size=168)
_MONEY = st.integers(0, 10**15)
HOUR_NS = 3_600 * 10**9
NOW_NS = 1_790_002_000 * 10**9


@settings(max_examples=2_000)
@given(_MONEY, st.lists(st.integers(0, 10**13), max_size=LEAST_HOURS - 1))
def test_a_key_that_is_hardly_known_raises_no_alarm(nano: int, history: list[int]) -> None:
    assert spend_rate(nano, 10**6, history) is None


@settings(max_examples=2_000)
@given(_MONEY, _HOURS)
def test_neither_a_few_calls_nor_little_money_raises_one(nano: int, history: list[int]) -> None:
    assert spend_rate(nano, LEAST_CALLS - 1, history) is None
    assert spend_rate(min(nano, LEAST_NANO_USD - 1), 10**6, history) is None


@settings(max_examples=2_000)
@given(_MONEY, _MONEY, _HOURS, st.randoms(use_true_random=False))
def test_more_money_never_ends_an_alarm_and_the_order_of_hours_says_nothing(
    one: int,
    other: int,
    history: list[int],
    drawn: Any,  # noqa: ANN401 - a `random.Random`
) -> None:
    less, more = sorted((one, other))
    if spend_rate(less, 99, history):
        assert spend_rate(more, 99, history)
    mixed = list(history)
    drawn.shuffle(mixed)
    assert spend_rate(more, 99, mixed) == spend_rate(more, 99, history)


@settings(max_examples=2_000)
@given(st.integers(LEAST_NANO_USD, 10**12), st.integers(LEAST_HOURS, 168), st.integers(0, 300))
def test_up_to_three_times_a_steady_hour_is_ordinary(steady: int, hours: int, percent: int) -> None:
    history = [steady] * hours
    assert spend_rate(steady * percent // 100, 99, history) is None
    assert spend_rate(steady * 3 + 1, 99, history) is not None


@settings(max_examples=2_000)
@given(st.lists(st.integers(900, 1_100), min_size=LEAST_HOURS, max_size=168), st.integers(0, 10**15))
def test_one_odd_hour_hardly_moves_what_is_ordinary(history: list[int], odd: int) -> None:
    limit, _ = spend_limit([*history, odd])
    assert limit <= 3 * 1_100


@settings(max_examples=2_000)
@given(st.integers(0, 10**9), st.integers(0, LEAST_TASKS - 1), st.integers(0, 10**9))
def test_a_task_among_few_or_a_small_one_raises_no_alarm(tokens: int, others: int, total: int) -> None:
    assert task_tokens(tokens, others, total) is None
    assert task_tokens(min(tokens, LEAST_TOKENS - 1), 10**6, total) is None


@settings(max_examples=2_000)
@given(st.lists(st.integers(LEAST_TOKENS, 10**7), min_size=LEAST_TASKS, max_size=60), st.integers(0, 10**8))
def test_a_task_is_out_of_the_ordinary_above_three_times_the_mean_alone(others: list[int], tokens: int) -> None:
    found = task_tokens(tokens, len(others), sum(others))
    assert (found is not None) == (tokens >= LEAST_TOKENS and tokens > 3 * sum(others) / len(others))


def call(number: int, at_ns: int, tokens: int, nano_usd: int, **who: str) -> list[Entry]:
    """A call that used so much."""
    made = simple(number, at_ns, nano_usd, **who)
    return [replace(each, usage=Usage(input=tokens)) if isinstance(each, Settled) else each for each in made]


@pytest.fixture
def heard() -> list[dict[str, Any]]:
    """What the log was told."""
    return []


@pytest.fixture
def lookout(database: Database, heard: list[dict[str, Any]]) -> Lookout:
    """A lookout at a set time."""
    return Lookout(
        database, lambda level, event, fields: heard.append({"level": level, "event": event} | fields), lambda: NOW_NS
    )


def test_a_task_that_runs_away_is_told_once(database: Database, lookout: Lookout, heard: list[dict[str, Any]]) -> None:
    ordinary = [call(n, NOW_NS - 10 * HOUR_NS, 20_000, 1, agent="coder", task=f"t{n}") for n in range(LEAST_TASKS)]
    journal = Made([entry for each in ordinary for entry in each])
    fold = Fold(database, journal)
    fold.to_the_end()
    lookout.look()
    assert heard == []
    journal.entries += call(99, NOW_NS - 10**9, 60_001, 1, agent="coder", task="runaway")
    journal.entries += call(98, NOW_NS - 10**9, 60_001, 1, agent="new here", task="first")
    fold.to_the_end()
    lookout.look()
    lookout.look()
    (told,) = heard
    assert (told["level"], told["event"], told["kind"], told["task"]) == ("warn", "anomaly", "task", "runaway")
    assert (told["measured"], told["ordinary"]) == (60_001, 20_000)
    with database.reading() as connection:
        (row,) = listed(connection, 0)
    assert json.loads(row["of"]) == {"agent": "coder", "key": "", "task": "runaway"}


def test_a_key_that_spends_far_more_than_before_is_told_once_an_hour(
    database: Database, lookout: Lookout, heard: list[dict[str, Any]]
) -> None:
    past = [call(n, NOW_NS - (n + 1) * HOUR_NS, 10, 10**9, key="ci") for n in range(LEAST_HOURS)]
    now = [call(1_000 + n, NOW_NS - 10**9, 10, 10**9 // 5, key="ci") for n in range(LEAST_CALLS)]
    fold = Fold(database, Made([entry for each in [*past, *now] for entry in each]))
    fold.to_the_end()
    lookout.look()
    lookout.look()
    (told,) = heard
    assert (told["kind"], told["key"], told["usd"], told["ordinary_usd"]) == ("spend", "ci", "4", "1")


def test_a_cold_start_is_quiet(database: Database, lookout: Lookout, heard: list[dict[str, Any]]) -> None:
    calls = [call(n, NOW_NS - 10**9, 10**6, 10**11, key="ci", agent="a", task=f"t{n % 3}") for n in range(100)]
    Fold(database, Made([entry for each in calls for entry in each])).to_the_end()
    lookout.look()
    assert heard == []
