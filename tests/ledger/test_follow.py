"""Folding in the background: it goes on after whatever stops it, and ends with everything folded."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from headgate.errors import LedgerError
from headgate.ledger.database import Database
from headgate.ledger.entries import Entry
from headgate.ledger.fold import Fold
from headgate.ledger.follow import Follower
from headgate.ledger.keep import Keep
from tests.harness.waiting import until
from tests.ledger import reference
from tests.ledger.made import Made, simple
from tests.ledger.test_fold import sums

ENTRIES: list[Entry] = [entry for number in range(50) for entry in simple(number)]
FOREVER = Keep(10**9, 10**9, 10**9)


class Heard(list[tuple[str, str]]):
    """Levels and events that the log was told."""

    def tell(self, level: str, event: str, _: dict[str, Any]) -> None:
        """See `headgate.ledger.follow.Tell`."""
        self.append((level, event))


@pytest.fixture
def heard() -> Heard:
    return Heard()


def follower(database: Database, journal: Made, heard: Heard) -> Follower:
    """A follower that forgets nothing."""
    return Follower(database, Fold(database, journal), FOREVER, heard.tell)


def test_what_is_written_while_it_runs_is_folded(database: Database, heard: Heard) -> None:
    journal = Made(ENTRIES[:80])
    running = follower(database, journal, heard)
    running.start()
    until(lambda: sums(database) == reference.sums(ENTRIES[:80]), "the first part is folded")
    journal.entries.extend(ENTRIES[80:])
    until(lambda: sums(database) == reference.sums(ENTRIES), "the second part is folded")
    assert running.stop(10)
    assert heard == []
    assert journal.acknowledged == "200"


def test_an_end_folds_what_there_is(database: Database, heard: Heard) -> None:
    journal = Made(list(ENTRIES))
    running = follower(database, journal, heard)
    running.start()
    assert running.stop(10)
    assert sums(database) == reference.sums(ENTRIES)


def test_an_error_is_told_once_and_what_follows_is_folded(
    database: Database, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.ledger.follow._PATIENCE_S", (0.01, 0.02))
    failures = iter([LedgerError("away"), LedgerError("away"), OSError("odd")])

    class Flaky(Made):
        def read(self, after: str, most: int) -> tuple[Sequence[Entry], str]:
            error = next(failures, None)
            if error is not None:
                raise error
            return super().read(after, most)

    running = follower(database, Flaky(list(ENTRIES)), heard)
    running.start()
    until(lambda: sums(database) == reference.sums(ENTRIES), "it is folded")
    assert running.stop(10)
    assert heard == [("error", "ledger_stands_still"), ("info", "ledger_goes_on")]


def test_an_end_that_takes_too_long_is_given_up_and_loses_nothing(database: Database, heard: Heard) -> None:
    held = threading.Event()

    class Slow(Made):
        def read(self, after: str, most: int) -> tuple[Sequence[Entry], str]:
            held.wait(30)
            return super().read(after, most)

    journal = Slow(list(ENTRIES))
    running = follower(database, journal, heard)
    running.start()
    assert not running.stop(0.05)
    held.set()
    assert running.stop(10)
    assert sums(database) == reference.sums(ENTRIES)
