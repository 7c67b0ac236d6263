"""The dimensions of sums as numbers, bounded.

Each combination of dimensions is a series. On one day (UTC) sums go to at most `most` of them; beyond that, what
callers can make up at will (users, agents, and models that are named outright) counts as `(other)`. Keys, teams,
aliases, deployments and providers are the operator's and stay what they are.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from headgate.ledger import tables
from headgate.ledger.contribution import OTHER
from headgate.ledger.database import upsert

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from headgate.ledger.contribution import Dimensions
    from headgate.ledger.database import Database

MOST_A_DAY: Final = 2_000
DAY_S: Final = 86_400
_OPEN: Final = tuple(tables.DIMENSIONS.index(name) for name in ("user", "agent", "model"))
_MOST_KNOWN: Final = 100_000


class Series:
    """Finds or makes the series of dimensions. Remembers what it found, as a database never changes it."""

    def __init__(self, database: Database, most_a_day: int = MOST_A_DAY) -> None:
        self._database = database
        self._most = most_a_day
        self._known: dict[Dimensions, int] = {}
        self._days: dict[int, set[int]] = {}

    def find(self, connection: Connection, dimensions: Dimensions, at_ns: int) -> int:
        """The series for sums of that time."""
        day = self._day(connection, at_ns // 1_000_000_000 // DAY_S * DAY_S)
        number = self._number(connection, dimensions)
        if number not in day:
            if len(day) >= self._most:
                kept = tuple(OTHER if place in _OPEN and value else value for place, value in enumerate(dimensions))
                number = self._number(connection, kept)
            day.add(number)
        return number

    def forget(self) -> None:
        """After a transaction that was taken back: what it made is not there."""
        self._known.clear()
        self._days.clear()

    def _day(self, connection: Connection, bucket: int) -> set[int]:
        if bucket not in self._days:
            if len(self._days) > 8:  # entries of many days at once are rare
                self._days.clear()
            table = tables.usage["day"]
            self._days[bucket] = set(connection.scalars(select(table.c.series).where(table.c.bucket == bucket)))
        return self._days[bucket]

    def _number(self, connection: Connection, dimensions: Dimensions) -> int:
        if (known := self._known.get(dimensions)) is not None:
            return known
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        digest = hashlib.blake2b("\0".join(dimensions).encode(), digest_size=16).digest()
        values = dict(zip(tables.DIMENSIONS, dimensions, strict=True)) | {"digest": digest}
        insert = upsert(self._database, tables.series).values(values).on_conflict_do_nothing()
        number = select(tables.series.c.id).where(tables.series.c.digest == digest)
        found = connection.scalar(number)
        if found is None:
            connection.execute(insert)
            found = connection.scalar(number)
        self._known[dimensions] = int(found or 0)
        return self._known[dimensions]
