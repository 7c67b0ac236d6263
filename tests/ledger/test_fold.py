"""The fold against the same in plain Python, whatever the order, the repetitions, the cuts and the crashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from headgate.ledger import tables
from headgate.ledger.contribution import OTHER
from headgate.ledger.counters import COUNTERS
from headgate.ledger.database import Database
from headgate.ledger.deltas import Deltas
from headgate.ledger.entries import Entry, Sent
from headgate.ledger.fold import Fold
from tests.ledger import reference
from tests.ledger.conftest import empty
from tests.ledger.made import START_NS, Made, simple, streams


def sums(database: Database) -> dict[reference.Place, Counter[str]]:
    """All sums that are not zero, at each grain."""
    found: dict[reference.Place, Counter[str]] = {}
    with database.reading() as connection:
        known = {
            row.id: tuple(row._mapping[name] for name in tables.DIMENSIONS)
            for row in connection.execute(select(tables.series))
        }
        for grain, table in tables.usage.items():
            for row in connection.execute(select(table)).mappings():
                counts = Counter({name: row[name] for name in COUNTERS if row[name]})
                if counts:
                    found[grain, row["bucket"], known[row["series"]]] = counts
    return found


def tasks(database: Database) -> dict[tuple[str, ...], tuple[int, ...]]:
    """The sums of all tasks."""
    with database.reading() as connection:
        return {tuple(row[:3]): tuple(row[3:]) for row in connection.execute(select(tables.tasks))}


class Crash(Exception):
    """The process ends here."""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=streams(), sizes=st.lists(st.integers(1, 7), min_size=1), crashes=st.lists(st.booleans(), max_size=9))
def test_any_order_repetition_cut_and_crash_gives_the_ledger_that_plain_python_gives(
    database: Database, entries: Sequence[Entry], sizes: list[int], crashes: list[bool]
) -> None:
    empty(database)
    journal = Made(list(entries))
    folding, turn = Fold(database, journal), 0
    while True:
        size, crash = sizes[turn % len(sizes)], turn < len(crashes) and crashes[turn]
        turn += 1
        with pytest.MonkeyPatch.context() as patch:
            if crash:  # between the rows and the position: all of it is taken back
                patch.setattr(Fold, "_move", _crash)
            try:
                done = folding.step(size)
            except Crash:
                folding = Fold(database, journal)
                continue
        if not done:
            break
    assert sums(database) == reference.sums(entries)
    assert tasks(database) == reference.tasks(entries)


def _crash(*_: object) -> None:
    raise Crash


def test_a_repetition_after_a_restart_that_forgot_its_position_counts_nothing_twice(database: Database) -> None:
    journal = Made([*simple(1), *simple(2)])
    Fold(database, journal).to_the_end()
    before = sums(database)
    journal.source = "the same under another name"
    Fold(database, journal).to_the_end()
    assert sums(database) == before


def test_two_folds_of_one_journal_go_on_behind_each_other(database: Database) -> None:
    journal = Made([entry for number in range(20) for entry in simple(number)])
    first, second = Fold(database, journal), Fold(database, journal)
    assert [first.step(30), second.step(30), first.step(30), second.step(30)] == [30, 30, 20, 0]
    assert sums(database) == reference.sums(journal.entries)


def test_beyond_the_most_series_of_a_day_what_callers_make_up_counts_as_other(database: Database) -> None:
    journal = Made([entry for number in range(50) for entry in simple(number, key="ci", user=f"u{number}")])
    Fold(database, journal, most_series=10).to_the_end()
    users = Counter(place[2][tables.DIMENSIONS.index("user")] for place in sums(database) if place[0] == "day")
    assert len(users) == 11
    total = Counter[str]()
    for place, counts in sums(database).items():
        if place[0] == "day":
            total.update(counts)
            assert place[2][0] == "ci", "a key is the operator's and stays what it is"
    assert (total["calls"], total["nano_usd"]) == (50, 50_000)
    assert users[OTHER] == 1


def test_a_batch_that_fails_leaves_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Made(simple(1))
    monkeypatch.setattr(Deltas, "store", _crash)
    with pytest.raises(Crash):
        Fold(database, journal).step()
    monkeypatch.undo()
    assert sums(database) == {}
    Fold(database, journal).to_the_end()
    assert sums(database) == reference.sums(journal.entries)


def test_money_that_cannot_be_true_is_bounded_and_nothing_breaks(database: Database) -> None:
    huge = Sent(b"\1" * 16, 0, START_NS, reserved_nano_usd=2**64 - 1)
    Fold(database, Made([huge])).to_the_end()
    (counts,) = [counts for place, counts in sums(database).items() if place[0] == "day"]
    assert counts["unsettled_nano_usd"] == 10**16
