"""How long what is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select

from headgate.ledger import tables
from headgate.ledger.buckets import NS

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from headgate.ledger.database import Database

DAY_S: Final = 86_400
_AT_ONCE: Final = 5_000
"""Rows that one transaction takes out, so that nobody waits long for it."""


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many seconds rows of calls and sums of minutes and hours are kept; sums of days and months always."""

    calls_s: int = 30 * DAY_S
    minutes_s: int = 3 * DAY_S
    hours_s: int = 120 * DAY_S

    def kept_since_s(self, now_s: int) -> dict[str, int]:
        """From when on sums of a grain are there."""
        return {"minute": now_s - self.minutes_s, "hour": now_s - self.hours_s}


def forget(database: Database, keep: Keep, now_s: int) -> int:
    """Takes out what is older; how many rows that were. Sums of calls that are taken out stay."""
    total = _forget_calls(database, (now_s - keep.calls_s) * NS)
    for grain, since_s in keep.kept_since_s(now_s).items():
        table = tables.usage[grain]
        with database.writing() as connection:
            total += connection.execute(delete(table).where(table.c.bucket < since_s)).rowcount
    with database.writing() as connection:
        old = delete(tables.tasks).where(tables.tasks.c.last_ns < (now_s - keep.calls_s) * NS)
        return total + connection.execute(old).rowcount


def _forget_calls(database: Database, before_ns: int) -> int:
    total = 0
    while True:
        with database.writing() as connection:
            some = _old_calls(connection, before_ns)
            if not some:
                return total
            connection.execute(delete(tables.attempts).where(tables.attempts.c.call.in_(some)))
            total += connection.execute(delete(tables.calls).where(tables.calls.c.call.in_(some))).rowcount


def _old_calls(connection: Connection, before_ns: int) -> list[bytes]:
    table = tables.calls
    old = select(table.c.call).where(table.c.at_ns < before_ns).order_by(table.c.at_ns).limit(_AT_ONCE)
    return [bytes(call) for call in connection.scalars(old)]
