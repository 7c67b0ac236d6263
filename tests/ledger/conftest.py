"""Databases of tests: SQLite in a file, and a PostgreSQL server of the Debian package on a unix socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from headgate.ledger.database import Database
from headgate.ledger.schema import migrate
from tests.harness import postgresql
from tests.harness.fixtures import closed_port

__all__ = ["closed_port"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server's `postgres` database, for the whole run."""
    with postgresql.running() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
    else:
        with fresh(request.getfixturevalue("server")) as made:
            yield made


def fresh(server: str) -> postgresql.Fresh:
    """An empty database of a server."""
    return postgresql.Fresh(server, f"test_{uuid4().hex}")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A database with the newest schema."""
    database = Database(url)
    migrate(database)
    yield database
    database.close()


def empty(database: Database) -> None:
    """Takes everything out of a database, for the next example of a property."""
    from headgate.ledger.tables import metadata

    with database.writing() as connection:
        for table in metadata.sorted_tables:
            connection.execute(text(f"DELETE FROM {table.name}"))
