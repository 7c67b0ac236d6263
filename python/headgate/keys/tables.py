"""The tables of keys and budgets, in the ledger's database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from headgate.ledger.tables import metadata

keys = Table(
    "keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("settings", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("revoked_ns", BigInteger),
    sqlite_with_rowid=False,
)

secrets = Table(
    "key_secrets",
    metadata,
    Column("mac", Text, primary_key=True),
    Column("of", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger),
    Index("key_secrets_key", "key"),
    sqlite_with_rowid=False,
)

changes = Table(
    "changes",
    metadata,
    Column("what", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""`store`: how often keys and budgets were changed. `pepper`: a digest that tells one pepper from another."""

budgets = Table(
    "budgets",
    metadata,
    Column("slot", Text, primary_key=True),
    Column("settings", Text, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

grants = Table(
    "grants",
    metadata,
    Column("approval", Text, primary_key=True),
    Column("nano_usd", BigInteger, nullable=False),
    Column("granted_ns", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
