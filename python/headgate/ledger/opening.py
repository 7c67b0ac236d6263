"""The ledger that a policy names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.errors import UsageError
from headgate.ledger.database import Database
from headgate.ledger.keep import Keep
from headgate.ledger.schema import require

if TYPE_CHECKING:
    from headgate.config.sections import Ledger


def keep_of(section: Ledger) -> Keep:
    """How long what is kept."""
    return Keep(section.keep_calls // 1000, section.keep_minutes // 1000, section.keep_hours // 1000)


def open_for_questions(section: Ledger | None) -> tuple[Database, Keep]:
    """A database that is there already. Raises `UsageError` where there is no ledger, else `LedgerError`."""
    if section is None:
        raise UsageError(
            "the policy has no ledger: add `ledger: sqlite:///data/headgate.db` to it, and serve it; "
            "--ledger URL names one for this command"
        )
    database = Database(section.url, create=False)
    require(database)
    return database, keep_of(section)
