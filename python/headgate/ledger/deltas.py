"""What a batch changes in sums: what its calls contributed before is taken back, what they contribute now is added."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func

from headgate.ledger import contribution, tables
from headgate.ledger.buckets import NS, bucket_of
from headgate.ledger.counters import COUNTERS
from headgate.ledger.database import upsert

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from headgate.ledger.database import Database
    from headgate.ledger.state import Call, Row

_Place = tuple[int, int]
"""A bucket and a series."""


@dataclass(slots=True)
class _Task:
    first_ns: int
    last_ns: int
    calls: int = 0
    tokens: int = 0
    nano_usd: int = 0


@dataclass(slots=True)
class Deltas:
    """Changes of sums, by minute and series, and by task."""

    _minutes: dict[_Place, defaultdict[str, int]] = field(default_factory=dict)
    _tasks: dict[tuple[str, str, str], _Task] = field(default_factory=dict)

    def count(self, call: Call, sign: int) -> None:
        """Adds (1) or takes back (-1) what a call contributes. Its series must be assigned."""
        for part in contribution.parts(call):
            series = call.series if part.number is None else call.attempts[part.number].series
            place = (bucket_of("minute", part.at_ns // NS), series or 0)
            sums = self._minutes.setdefault(place, defaultdict(int))
            for name, amount in part.sums.items():
                sums[name] += sign * amount
        if (task := contribution.task(call)) is not None:
            known = self._tasks.setdefault((task.key, task.agent, task.task), _Task(task.at_ns, task.at_ns))
            known.first_ns, known.last_ns = min(known.first_ns, task.at_ns), max(known.last_ns, task.at_ns)
            known.calls += sign
            known.tokens += sign * task.tokens
            known.nano_usd += sign * task.nano_usd

    def store(self, connection: Connection, database: Database) -> None:
        """Adds the changes to the tables, in the order of their keys, so that no two programs wait for each other."""
        for grain in tables.GRAINS:
            if rows := self._rows(grain):
                table = tables.usage[grain]
                insert = upsert(database, table)
                changes = {name: table.c[name] + insert.excluded[name] for name in COUNTERS}
                connection.execute(
                    insert.on_conflict_do_update(index_elements=["bucket", "series"], set_=changes), rows
                )
        self._store_tasks(connection, database)

    def _rows(self, grain: str) -> list[Row]:
        sums: dict[_Place, Row] = {}
        for (minute, series), changes in self._minutes.items():
            if any(changes.values()):
                bucket = bucket_of(grain, minute)
                row = sums.setdefault(
                    (bucket, series), {"bucket": bucket, "series": series} | dict.fromkeys(COUNTERS, 0)
                )
                for name, amount in changes.items():
                    row[name] += amount
        return [sums[place] for place in sorted(sums)]

    def _store_tasks(self, connection: Connection, database: Database) -> None:
        rows = [
            {"key": key, "agent": agent, "task": name, "first_ns": task.first_ns, "last_ns": task.last_ns}
            | {"calls": task.calls, "tokens": task.tokens, "nano_usd": task.nano_usd}
            for (key, agent, name), task in sorted(self._tasks.items())
            if task.calls or task.tokens or task.nano_usd
        ]
        if not rows:
            return
        table = tables.tasks
        insert = upsert(database, table)
        new = insert.excluded
        least, most = (func.min, func.max) if database.is_sqlite else (func.least, func.greatest)
        changes = {name: table.c[name] + new[name] for name in ("calls", "tokens", "nano_usd")}
        changes |= {"first_ns": least(table.c.first_ns, new.first_ns), "last_ns": most(table.c.last_ns, new.last_ns)}
        keys = ["key", "agent", "task"]
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changes), rows)
