"""What was found out of the ordinary, once each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "anomalies",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("of", sa.Text, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("at_ns", "measured", "limit", "ordinary")),
        sqlite_with_rowid=False,
    )
    op.create_index("anomalies_at", "anomalies", ["at_ns"])
