"""The way of a database from each version of the schema to the next; `migrations/versions` has the steps.

A newer headgate migrates what it opens, so every program of a fleet must be as new as the newest: an older one refuses
the database, naming both. The look whether there is anything to do takes one query; alembic is imported only if so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text

from headgate.errors import LedgerError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from headgate.ledger.database import Database

NEWEST: Final = "0005"
"""The revision that `tables` describes."""
FOLDER: Final = Path(__file__).with_name("migrations")
_VERSIONS: Final = "headgate_schema"
_LOCK: Final = 0x6865616467617465
"""PostgreSQL's advisory lock of migrations, so that of several programs that start at once one migrates."""


def migrate(database: Database) -> None:
    """Brings a database up to `NEWEST`, a fresh one too. Raises `LedgerError` for one of a newer headgate."""
    with database.reading() as connection:
        if _revision(connection) == NEWEST:
            return
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        _refuse_newer(_revision(connection), database.name)
        upgrade(connection, NEWEST)


def require(database: Database) -> None:
    """Raises `LedgerError` unless the schema is the one that this headgate knows."""
    with database.reading() as connection:
        found = _revision(connection)
    _refuse_newer(found, database.name)
    if found != NEWEST:
        state = "has no ledger in it yet" if found is None else f"has the older schema {found}"
        raise LedgerError(f"{database.name} {state}: start `headgate serve` with it once")


def upgrade(connection: Connection, revision: str) -> None:
    """Runs the steps up to a revision, in the transaction of `connection`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = _VERSIONS
    command.upgrade(config, revision)


def _refuse_newer(found: str | None, name: str) -> None:
    if found is not None and found > NEWEST:
        raise LedgerError(
            f"{name} has the schema {found} of a newer headgate; this one knows {NEWEST}: run the newer one"
        )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSIONS):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar()
    return found
