"""Sums of attempts that count as what was reserved for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """To this revision."""
    for grain in ("minute", "hour", "day", "month"):
        for name in ("reserved", "reserved_nano_usd"):
            op.add_column(
                f"usage_{grain}", sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.literal_column("0"))
            )
