"""How far the ledger has come behind the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from headgate.ledger import tables
from headgate.ledger.buckets import NS

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Standing:
    """The time of the newest entry that was folded, and when a fold last did something; none before the first."""

    entry_s: int | None
    folded_s: int | None


def standing(connection: Connection) -> Standing:
    """How far all journals of this ledger were folded."""
    table = tables.positions
    entry_ns, folded_ns = connection.execute(select(func.max(table.c.entry_ns), func.max(table.c.folded_ns))).one()
    return Standing(*(None if at_ns is None else int(at_ns) // NS for at_ns in (entry_ns, folded_ns)))


def position(connection: Connection, source: str) -> str:
    """How far one journal was folded; empty for its beginning."""
    found = connection.scalar(select(tables.positions.c.position).where(tables.positions.c.source == source))
    return found or ""
