"""Budgets that were set, and money that was granted, while the gateway runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "budgets",
        sa.Column("slot", sa.Text, primary_key=True),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("changed_ns", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "grants",
        sa.Column("approval", sa.Text, primary_key=True),
        sa.Column("nano_usd", sa.BigInteger, nullable=False),
        sa.Column("granted_ns", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
