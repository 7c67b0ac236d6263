"""The tables, as they are now; `migrations` holds how they came to be so.

`calls` and `attempts` have a row each for what happened, kept for a set time. `usage_*` are sums by bucket of time and
series, `series` are the dimensions of sums, `tasks` are sums by task. A bucket is the second since 1970 (UTC) at which
it begins. Columns of a part of a row that is not known yet are null.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, SmallInteger, Table, Text

from headgate.ledger.counters import COUNTERS
from headgate.ledger.entries import CLASSES

metadata = MetaData()

DIMENSIONS: Final = ("key", "team", "user", "agent", "alias", "model", "deployment", "provider")
"""What sums are kept by."""

_Id = BigInteger().with_variant(Integer(), "sqlite")  # what SQLite numbers by itself must be called INTEGER


def _text(name: str) -> Column[str | None]:
    return Column(name, Text)


def _number(name: str) -> Column[int | None]:
    return Column(name, BigInteger)


calls = Table(
    "calls",
    metadata,
    Column("call", LargeBinary(16), primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("series", BigInteger),
    _number("opened_ns"),
    _text("alias"),
    _text("operation"),
    Column("streamed", Boolean),
    _text("key"),
    _text("team"),
    _text("user"),
    _text("agent"),
    _text("session"),
    _text("task"),
    _text("tags"),
    _text("plan"),
    _number("closed_ns"),
    _text("outcome"),
    Column("status", SmallInteger),
    _text("fault"),
    _number("took_ns"),
    _number("bytes_in"),
    _number("bytes_out"),
    Column("attempts", Integer),
    Index("calls_at", "at_ns"),
    sqlite_with_rowid=False,
)

attempts = Table(
    "attempts",
    metadata,
    Column("call", LargeBinary(16), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("series", BigInteger),
    _number("sent_ns"),
    _text("provider"),
    _text("deployment"),
    _text("model"),
    Column("endpoint", Integer),
    Column("credential", Integer),
    Column("step", Integer),
    Column("hedge", Boolean),
    _number("input_tokens"),
    _number("output_tokens"),
    _number("reserved_nano_usd"),
    _number("settled_ns"),
    Column("status", SmallInteger),
    _text("fault"),
    _text("became"),
    *(_number(name) for name in CLASSES),
    _number("nano_usd"),
    _text("basis"),
    _text("price"),
    _text("rates"),
    _number("took_ns"),
    _number("first_token_ns"),
    sqlite_with_rowid=False,
)

positions = Table(
    "positions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("position", Text, nullable=False),
    Column("entry_ns", BigInteger, nullable=False),
    Column("folded_ns", BigInteger, nullable=False),
)

series = Table(
    "series",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    *(Column(name, Text, nullable=False) for name in DIMENSIONS),
)


def _usage(grain: str) -> Table:
    return Table(
        f"usage_{grain}",
        metadata,
        Column("bucket", BigInteger, primary_key=True, autoincrement=False),
        Column("series", BigInteger, primary_key=True, autoincrement=False),
        *(Column(name, BigInteger, nullable=False) for name in COUNTERS),
        sqlite_with_rowid=False,
    )


GRAINS: Final = ("minute", "hour", "day", "month")
usage: Final = {grain: _usage(grain) for grain in GRAINS}

tasks = Table(
    "tasks",
    metadata,
    Column("key", Text, primary_key=True),
    Column("agent", Text, primary_key=True),
    Column("task", Text, primary_key=True),
    Column("first_ns", BigInteger, nullable=False),
    Column("last_ns", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("nano_usd", BigInteger, nullable=False),
    Index("tasks_last", "last_ns"),
    sqlite_with_rowid=False,
)

anomalies = Table(
    "anomalies",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("of", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in ("at_ns", "measured", "limit", "ordinary")),
    Index("anomalies_at", "at_ns"),
    sqlite_with_rowid=False,
)
"""What was found out of the ordinary, once each; `of` says of what, a JSON object."""
