"""Virtual keys: their settings, the digests of their secrets, and the counter of changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "keys",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("revoked_ns", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "key_secrets",
        sa.Column("mac", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("of", "key", "hint")),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("until_ns", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_index("key_secrets_key", "key_secrets", ["key"])
    op.create_table(
        "changes",
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
