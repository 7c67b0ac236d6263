"""Questions: every way to ask gives the sums that plain Python gives."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.ledger import tables
from headgate.ledger.buckets import bucket_of
from headgate.ledger.database import Database
from headgate.ledger.entries import Entry
from headgate.ledger.fold import Fold
from headgate.ledger.keep import DAY_S, Keep, forget
from headgate.ledger.usage import TIMES, Group, Question, ask
from tests.ledger import reference
from tests.ledger.conftest import empty
from tests.ledger.made import START_NS, Made, simple, streams

START_S = START_NS // 10**9
END_S = START_S + 41 * DAY_S
EVERYTHING = Keep(calls_s=10_000 * DAY_S, minutes_s=10_000 * DAY_S, hours_s=10_000 * DAY_S)


def answered(
    database: Database, question: Question, keep: Keep = EVERYTHING, now_s: int = END_S
) -> dict[Group, Counter[str]]:
    """The sums that are not zero, by group."""
    with database.reading() as connection:
        answer = ask(connection, question, keep, now_s)
    return {line.group: +Counter(line.sums) for line in answer.lines}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=streams(),
    by=st.lists(st.sampled_from([*tables.DIMENSIONS, *TIMES]), max_size=3, unique=True),
    times=st.tuples(st.integers(START_S - 9, END_S), st.integers(START_S - 9, END_S)),
    rows=st.booleans(),
)
def test_sums_and_rows_answer_as_plain_python_does(
    database: Database, entries: Sequence[Entry], by: list[str], times: tuple[int, int], *, rows: bool
) -> None:
    empty(database)
    Fold(database, Made(list(entries))).to_the_end()
    since, until = sorted(bucket_of("minute", at) for at in times)
    wanted: defaultdict[Group, Counter[str]] = defaultdict(Counter)
    for (grain, bucket, dimensions), counts in reference.sums(entries).items():
        if grain == "minute" and since <= bucket < until:
            known = dict(zip(tables.DIMENSIONS, dimensions, strict=True))
            group = tuple(bucket_of(name, bucket) if name in TIMES else known[name] for name in by)
            wanted[group].update(counts)
    extra = ("operation",) if rows else ()
    found = answered(database, Question((*by, *extra), since, until))
    if rows:
        merged: defaultdict[Group, Counter[str]] = defaultdict(Counter)
        for longer, total in found.items():
            merged[longer[:-1]].update(total)
        found = dict(merged)
    assert found == wanted


def test_a_filter_leaves_out_the_rest(database: Database) -> None:
    Fold(database, Made([*simple(1, key="ci", agent="a"), *simple(2, key="ops", agent="a")])).to_the_end()
    only = Question(("agent",), START_S - 60, START_S + 60, {"key": "ci"})
    assert answered(database, only) == {("a",): answered(database, only)["a",]}
    assert answered(database, only)["a",]["calls"] == 1


@pytest.mark.parametrize("by", ["session", "task", "outcome", "tag"])
def test_rows_tell_what_sums_do_not(database: Database, by: str) -> None:
    Fold(database, Made([*simple(1, session="s", task="t"), *simple(2)])).to_the_end()
    found = answered(database, Question((by,), START_S - 60, START_S + 60))
    wanted = {"session": {("s",), ("",)}, "task": {("t",), ("",)}, "outcome": {("answered",)}, "tag": {("",)}}
    assert set(found) == wanted[by]


def test_sums_outlast_the_rows_that_they_were_made_of(database: Database) -> None:
    Fold(database, Made(simple(1))).to_the_end()
    keep, now = Keep(DAY_S, DAY_S, 2 * DAY_S), START_S + 3 * DAY_S
    assert forget(database, keep, now) > 0
    question = Question(("alias",), START_S, now)
    assert answered(database, question, keep, now) == {("smart",): answered(database, question, keep, now)["smart",]}
    assert answered(database, Question(("task",), START_S, now), keep, now) == {}


def test_what_is_younger_is_kept(database: Database) -> None:
    Fold(database, Made(simple(1))).to_the_end()
    assert forget(database, Keep(), START_S + 3600) == 0
