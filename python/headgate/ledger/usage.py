"""What was used, by whatever it is asked: from sums, or, for what sums do not tell apart, from the rows of calls."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from headgate.ledger import tables
from headgate.ledger.buckets import NS, bucket_of
from headgate.ledger.contribution import parts
from headgate.ledger.counters import COUNTERS
from headgate.ledger.rows import calls_between
from headgate.ledger.spans import FINEST_FIRST, Span, aligned, spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection

    from headgate.ledger.counters import Sums
    from headgate.ledger.keep import Keep
    from headgate.ledger.state import Call

OF_ROWS: Final = ("operation", "session", "task", "tag", "outcome")
"""What is asked of the rows of calls: for as long as these are kept, and slower."""
TIMES: Final = FINEST_FIRST
BY: Final = (*tables.DIMENSIONS, *TIMES, *OF_ROWS)
"""What may be asked by."""

Group = tuple[str | int, ...]
"""Values of what was asked by; of a time, the second at which its bucket begins."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: by what, from when to when (seconds since 1970), and of which values of dimensions alone."""

    by: tuple[str, ...]
    since_s: int
    until_s: int
    where: dict[str, str] = field(default_factory=dict)

    @property
    def is_of_rows(self) -> bool:
        """Whether sums cannot tell."""
        return any(name in OF_ROWS for name in (*self.by, *self.where))

    @property
    def finest(self) -> str:
        """The time it is asked by, the finest if there are several; else the coarsest that there is."""
        return next((grain for grain in TIMES if grain in self.by), TIMES[-1])


@dataclass(frozen=True, slots=True)
class Line:
    """The sums of one group."""

    group: Group
    sums: Sums

    def __getitem__(self, name: str) -> int:
        return self.sums.get(name, 0)


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines, those with most money first, or in the order of time; and the time that they really cover."""

    question: Question
    since_s: int
    until_s: int
    lines: list[Line]

    @property
    def total(self) -> Line:
        """All lines together."""
        names = COUNTERS
        return Line((), {name: sum(line[name] for line in self.lines) for name in names})


def ask(connection: Connection, question: Question, keep: Keep, now_s: int) -> Answer:
    """Answers a question. Times are widened to the finest buckets that are still kept."""
    kept = {"minute": now_s - keep.calls_s} if question.is_of_rows else keep.kept_since_s(now_s)
    since_s = aligned(question.since_s, kept, up=False)
    until_s = aligned(question.until_s, kept, up=True)
    if question.is_of_rows:
        since_s = max(since_s, now_s - keep.calls_s)
        found = _of_rows(connection, question, since_s, until_s)
    else:
        found = _merged(question, _of_sums(connection, question, spans(since_s, until_s, question.finest)))
    lines = [Line(group, sums) for group, sums in found.items() if any(sums.values())]
    in_time = any(name in TIMES for name in question.by)
    lines.sort(
        key=lambda line: _in_order(line, question) if in_time else (-line["nano_usd"], -line["calls"], line.group)
    )
    return Answer(question, since_s, until_s, lines)


def _in_order(line: Line, question: Question) -> tuple[object, ...]:
    times = tuple(value for name, value in zip(question.by, line.group, strict=True) if name in TIMES)
    return (*times, -line["nano_usd"], line.group)


def _merged(question: Question, rows: Iterator[tuple[Group, Sums]]) -> dict[Group, Sums]:
    """Rows of several spans, with buckets of the times that were asked by."""
    found: defaultdict[Group, Sums] = defaultdict(lambda: dict.fromkeys(COUNTERS, 0))
    for group, sums in rows:
        named = tuple(
            bucket_of(name, int(value)) if name in TIMES else value
            for name, value in zip(question.by, group, strict=True)
        )
        kept = found[named]
        for name, amount in sums.items():
            kept[name] += amount
    return found


def _of_sums(connection: Connection, question: Question, pieces: list[Span]) -> Iterator[tuple[Group, Sums]]:
    for piece in pieces:
        table, series = tables.usage[piece.grain], tables.series
        columns: list[ColumnElement[str | int]] = [
            table.c.bucket if name in TIMES else series.c[name] for name in question.by
        ]
        query = (
            select(*columns, *(func.sum(table.c[name]) for name in COUNTERS))
            .join_from(table, series, table.c.series == series.c.id)
            .where(table.c.bucket >= piece.since_s, table.c.bucket < piece.until_s)
        )
        for name, value in question.where.items():
            query = query.where(series.c[name] == value)
        if columns:
            query = query.group_by(*dict.fromkeys(columns))
        for row in connection.execute(query):
            counts = row[len(columns) :]
            yield tuple(row[: len(columns)]), {n: int(v or 0) for n, v in zip(COUNTERS, counts, strict=True)}


def _of_rows(connection: Connection, question: Question, since_s: int, until_s: int) -> dict[Group, Sums]:
    found: defaultdict[Group, Sums] = defaultdict(lambda: dict.fromkeys(COUNTERS, 0))
    for call in calls_between(connection, since_s * NS, until_s * NS):
        for part in parts(call):
            known = dict(zip(tables.DIMENSIONS, part.dimensions, strict=True)) | _of_call(call)
            tags = ["=".join(tag) for tag in call.opened.tags] if call.opened is not None else []
            if any(
                value not in tags if name == "tag" else known.get(name) != value
                for name, value in question.where.items()
            ):
                continue
            for tag in (tags or [""]) if "tag" in question.by else [""]:
                times = {grain: bucket_of(grain, part.at_ns // NS) for grain in TIMES if grain in question.by}
                group = tuple((known | {"tag": tag} | times)[name] for name in question.by)
                for name, amount in part.sums.items():
                    found[group][name] += amount
    return found


def _of_call(call: Call) -> dict[str, str]:
    opened, closed = call.opened, call.closed
    said = {name: getattr(opened, name, "") for name in ("operation", "session", "task")}
    return said | {"outcome": closed.outcome if closed is not None else ""}
