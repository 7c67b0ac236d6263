"""Looks for what is out of the ordinary in a ledger, and writes each finding down once."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from headgate.ledger import tables
from headgate.ledger.anomalies import LEAST_TOKENS, Finding, spend_rate, task_tokens
from headgate.ledger.buckets import NS, bucket_of
from headgate.ledger.database import upsert
from headgate.ledger.keep import DAY_S
from headgate.ledger.money import exact_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from headgate.ledger.database import Database
    from headgate.ledger.follow import Tell

LEARN_S: Final = 7 * DAY_S
"""From how long a time it is learnt what is ordinary."""
RECENT_S: Final = 900
"""Tasks that were at work within so long are looked at."""

Row = dict[str, Any]


class Lookout:
    """Looks when it is told to; `tell` hears of each finding, the first time."""

    def __init__(self, database: Database, tell: Tell, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._tell = tell
        self._now_ns = now_ns

    def look(self) -> None:
        """Looks once."""
        now_s = self._now_ns() // NS
        with self._database.reading() as connection:
            found = [*_tasks(connection, now_s), *_spends(connection, now_s)]
        if not found:
            return
        with self._database.writing() as connection:
            fresh = [row for row in found if self._write(connection, row)]
        for row in fresh:
            self._tell("warn", "anomaly", said(row))

    def _write(self, connection: Connection, row: Row) -> bool:
        """Whether it was not known."""
        table = tables.anomalies
        known = select(table.c.at_ns).where(table.c.kind == row["kind"], table.c.of == row["of"])
        if connection.scalar(known) is not None:
            return False
        connection.execute(upsert(self._database, table).values(row).on_conflict_do_nothing())
        return True


def said(row: Row) -> Row:
    """A finding for people and programs."""
    of = json.loads(row["of"])
    told = {"kind": row["kind"], **of, "measured": row["measured"], "ordinary": row["ordinary"], "limit": row["limit"]}
    if row["kind"] == "spend":
        told |= {"usd": exact_usd(row["measured"]), "ordinary_usd": exact_usd(row["ordinary"])}
    return told


def listed(connection: Connection, since_ns: int) -> list[Row]:
    """What was found since a time, the latest first."""
    table = tables.anomalies
    query = select(table).where(table.c.at_ns >= since_ns).order_by(table.c.at_ns.desc(), table.c.kind, table.c.of)
    return [dict(row) for row in connection.execute(query).mappings()]


def _tasks(connection: Connection, now_s: int) -> Iterator[Row]:
    """Tasks at work that use far more than the others of the same key and agent."""
    table = tables.tasks
    recent = (table.c.last_ns >= (now_s - RECENT_S) * NS, table.c.tokens >= LEAST_TOKENS)
    candidates = connection.execute(select(table).where(*recent)).mappings().all()
    if not candidates:
        return
    learnt = table.c.last_ns >= (now_s - LEARN_S) * NS
    groups = select(table.c.key, table.c.agent, func.count(), func.sum(table.c.tokens)).where(learnt)
    known = {
        (key, agent): (int(count), int(tokens))
        for key, agent, count, tokens in connection.execute(groups.group_by(table.c.key, table.c.agent))
    }
    for task in candidates:
        count, tokens = known.get((task["key"], task["agent"]), (1, task["tokens"]))
        finding = task_tokens(task["tokens"], count - 1, tokens - task["tokens"])
        if finding is not None:
            of = {name: task[name] for name in ("key", "agent", "task")}
            yield _row("task", of, task["last_ns"], finding)


def _spends(connection: Connection, now_s: int) -> Iterator[Row]:
    """Keys whose hour costs far more than their hours do."""
    hour = bucket_of("hour", now_s)
    table, series = tables.usage["hour"], tables.series
    query = (
        select(series.c.key, table.c.bucket, func.sum(table.c.nano_usd), func.sum(table.c.calls))
        .join_from(table, series, table.c.series == series.c.id)
        .where(table.c.bucket >= hour - LEARN_S, table.c.bucket <= hour)
        .group_by(series.c.key, table.c.bucket)
    )
    hours: defaultdict[str, list[int]] = defaultdict(list)
    now: dict[str, tuple[int, int]] = {}
    for key, bucket, nano, calls in connection.execute(query):
        if bucket == hour:
            now[key] = (int(nano), int(calls))
        elif nano:
            hours[key].append(int(nano))
    for key, (nano, calls) in now.items():
        finding = spend_rate(nano, calls, hours[key])
        if finding is not None:
            yield _row("spend", {"key": key, "hour": hour}, hour * NS, finding)


def _row(kind: str, of: Row, at_ns: int, finding: Finding) -> Row:
    told = {"measured": finding.measured, "limit": finding.limit, "ordinary": finding.ordinary}
    return {"kind": kind, "of": json.dumps(of, ensure_ascii=False, sort_keys=True), "at_ns": at_ns} | told
