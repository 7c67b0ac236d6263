"""From the journal to the tables: one batch of entries, one transaction."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, text

from headgate.ledger import contribution, tables
from headgate.ledger.database import upsert
from headgate.ledger.deltas import Deltas
from headgate.ledger.series import MOST_A_DAY, Series
from headgate.ledger.standing import position
from headgate.ledger.state import Call, attempt_of, attempt_row, call_of, call_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from headgate.ledger.database import Database
    from headgate.ledger.entries import Entry, Journal
    from headgate.ledger.state import Row

BATCH: Final = 4_096
_AT_ONCE: Final = 500
"""Calls that are asked for in one query."""


class Fold:
    """Folds one journal into one database."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        most_series: int = MOST_A_DAY,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._journal = journal
        self._series = Series(database, most_series)
        self._now_ns = now_ns

    def step(self, most: int = BATCH) -> int:
        """Folds what stands next; how many entries that were. 0: the end of the journal was reached.

        Whoever else folds the same journal waits meanwhile, then goes on behind what this one has done.
        """
        try:
            with self._database.writing() as connection:
                self._wait_for_others(connection)
                entries, after = self._journal.read(position(connection, self._journal.source), most)
                if entries:
                    write(connection, entries, self._database, self._series)
                    self._move(connection, after, max(entry.at_ns for entry in entries))
            if entries:
                self._journal.acknowledge(after)
            return len(entries)
        except BaseException:
            self._series.forget()
            raise

    def to_the_end(self) -> int:
        """Folds all that is there now; how many entries that were."""
        total = 0
        while done := self.step():
            total += done
        return total

    def _wait_for_others(self, connection: Connection) -> None:
        """On SQLite the transaction itself does."""
        if not self._database.is_sqlite:
            digest = hashlib.blake2b(self._journal.source.encode(), digest_size=8).digest()
            lock = {"key": int.from_bytes(digest, signed=True)}
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), lock)

    def _move(self, connection: Connection, after: str, entry_ns: int) -> None:
        moved = {"position": after, "entry_ns": entry_ns, "folded_ns": self._now_ns()}
        insert = upsert(self._database, tables.positions).values(source=self._journal.source, **moved)
        connection.execute(insert.on_conflict_do_update(index_elements=["source"], set_=moved))


def write(connection: Connection, entries: Iterable[Entry], database: Database, series: Series) -> None:
    """Writes entries into rows and sums."""
    said: defaultdict[bytes, list[Entry]] = defaultdict(list)
    for entry in entries:
        said[entry.call].append(entry)
    deltas = Deltas()
    calls = _load(connection, list(said))
    for call in calls:
        deltas.count(call, -1)
        for entry in said[call.id]:
            call.take(entry)
        _assign(connection, call, series)
        deltas.count(call, 1)
    _store(connection, calls, database)
    deltas.store(connection, database)


def _load(connection: Connection, ids: Sequence[bytes]) -> list[Call]:
    """The calls as far as they are known, with their attempts; a fresh one where nothing is."""
    calls = {id_: Call(id_) for id_ in ids}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        for row in connection.execute(select(tables.calls).where(tables.calls.c.call.in_(some))).mappings():
            call = call_of(row)
            calls[call.id] = call
        for row in connection.execute(select(tables.attempts).where(tables.attempts.c.call.in_(some))).mappings():
            attempt = attempt_of(row)
            calls[bytes(row["call"])].attempts[attempt.number] = attempt
    return list(calls.values())


def _assign(connection: Connection, call: Call, series: Series) -> None:
    """Says where the sums of a call and of its attempts go."""
    for part in contribution.parts(call):
        number = series.find(connection, part.dimensions, part.at_ns)
        if part.number is None:
            call.series = number
        else:
            call.attempts[part.number].series = number


def _store(connection: Connection, calls: Sequence[Call], database: Database) -> None:
    _put(connection, database, "calls", [call_row(call) for call in calls])
    rows = [attempt_row(call.id, attempt) for call in calls for attempt in call.attempts.values()]
    _put(connection, database, "attempts", rows)


def _put(connection: Connection, database: Database, name: str, rows: list[Row]) -> None:
    """Inserts rows, or puts them in the place of what was known before."""
    if not rows:
        return
    table = tables.metadata.tables[name]
    insert = upsert(database, table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=rest), rows)
