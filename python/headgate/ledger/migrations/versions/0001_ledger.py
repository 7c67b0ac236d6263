"""Calls and attempts, where the fold stands, sums by time and dimensions, sums by task."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_CLASSES = (
    *("input", "cache_read", "cache_write", "input_audio", "input_image"),
    *("output", "reasoning", "output_audio", "output_image", "audio_ms"),
)
_COUNTERS = (
    *("calls", "errors", "refused", "left", "took_ms", "attempts", "retries", "hedges"),
    *_CLASSES,
    *("nano_usd", "retry_nano_usd", "hedge_nano_usd", "counted", "counted_nano_usd"),
    *("unpriced", "unsettled", "unsettled_nano_usd", "void"),
)
_DIMENSIONS = ("key", "team", "user", "agent", "alias", "model", "deployment", "provider")


def upgrade() -> None:
    """To this revision."""
    _calls()
    _attempts()
    op.create_table(
        "positions",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("position", sa.Text, nullable=False),
        sa.Column("entry_ns", sa.BigInteger, nullable=False),
        sa.Column("folded_ns", sa.BigInteger, nullable=False),
    )
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "series",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.LargeBinary(16), nullable=False, unique=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in _DIMENSIONS),
    )
    for grain in ("minute", "hour", "day", "month"):
        op.create_table(
            f"usage_{grain}",
            sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("series", sa.BigInteger, primary_key=True, autoincrement=False),
            *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTERS),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "tasks",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("key", "agent", "task")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("first_ns", "last_ns", "calls", "tokens")),
        sa.Column("nano_usd", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("tasks_last", "tasks", ["last_ns"])


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("call", sa.LargeBinary(16), primary_key=True),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        *_numbers("series", "opened_ns"),
        *_texts("alias", "operation"),
        sa.Column("streamed", sa.Boolean),
        *_texts("key", "team", "user", "agent", "session", "task", "tags", "plan"),
        *_numbers("closed_ns"),
        *_texts("outcome"),
        sa.Column("status", sa.SmallInteger),
        *_texts("fault"),
        *_numbers("took_ns", "bytes_in", "bytes_out"),
        sa.Column("attempts", sa.Integer),
        sqlite_with_rowid=False,
    )
    op.create_index("calls_at", "calls", ["at_ns"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("call", sa.LargeBinary(16), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        *_numbers("series", "sent_ns"),
        *_texts("provider", "deployment", "model"),
        sa.Column("endpoint", sa.Integer),
        sa.Column("credential", sa.Integer),
        sa.Column("step", sa.Integer),
        sa.Column("hedge", sa.Boolean),
        *_numbers("input_tokens", "output_tokens", "reserved_nano_usd", "settled_ns"),
        sa.Column("status", sa.SmallInteger),
        *_texts("fault", "became"),
        *_numbers(*_CLASSES, "nano_usd"),
        *_texts("basis", "price", "rates"),
        *_numbers("took_ns", "first_token_ns"),
        sqlite_with_rowid=False,
    )


def _texts(*names: str) -> list[sa.Column[str | None]]:
    return [sa.Column(name, sa.Text) for name in names]


def _numbers(*names: str) -> list[sa.Column[int | None]]:
    return [sa.Column(name, sa.BigInteger) for name in names]
