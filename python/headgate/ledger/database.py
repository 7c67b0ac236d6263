"""A database of the ledger: SQLite in a file, or PostgreSQL.

SQLite runs in WAL mode: who reads never waits for who writes. A writing transaction takes its lock at the beginning
(`BEGIN IMMEDIATE`), so that none fails half-way because another was faster; it waits `BUSY_S` for it.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from headgate.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine, Table

BUSY_S: Final = 10
CONNECT_S: Final = 5
_WRITES: Final = "headgate_writes"
_FORMS: Final = "`sqlite:///data/headgate.db` or `postgresql://user@host/name` is needed"


class Database:
    """Connections to one database. May be used by several threads.

    `create`: a SQLite file that is not there is made; otherwise that is a `LedgerError`.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite(self.url, create=create) if self.is_sqlite else _postgresql(self.url)

    @property
    def name(self) -> str:
        """The URL without its password, for messages."""
        return self.url.set(drivername=self.url.get_backend_name()).render_as_string(hide_password=True)

    @property
    def engine(self) -> Engine:
        """For migrations."""
        return self._engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads one state of the database."""
        options: dict[str, Any] = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._translated(), self._connected(options) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it or, after any exception, nothing."""
        options = {_WRITES: True}
        with self._translated(), self._connected(options) as connection:
            yield connection

    def close(self) -> None:
        """Closes what is open."""
        self._engine.dispose()

    @contextmanager
    def _connected(self, options: dict[str, Any]) -> Iterator[Connection]:
        with self._engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise LedgerError(f"{self.name}: {_reason(error)}") from error


def upsert(database: Database, table: Table) -> Any:  # noqa: ANN401 - the `insert` of either dialect, which share a form
    """An `INSERT` that can say `on_conflict_do_update` and `on_conflict_do_nothing`."""
    return sqlite.insert(table) if database.is_sqlite else postgresql.insert(table)


def parse_url(text: str) -> URL:
    """The URL with the driver that we use. Raises `LedgerError`; its text has no password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise LedgerError(f"this is not the URL of a database; {_FORMS}") from None
    if url.drivername == "sqlite":
        if url.host or not url.database or url.database == ":memory:":
            raise LedgerError("a SQLite ledger stands in a file: sqlite:///data/headgate.db, sqlite:////var/lib/x.db")
        return url
    if re.fullmatch(r"postgres(ql(\+psycopg)?)?", url.drivername):
        return url.set(drivername="postgresql+psycopg")
    raise LedgerError(f"`{url.drivername}` is no database that holds a ledger; {_FORMS}")


def _sqlite(url: URL, *, create: bool) -> Engine:
    path = Path(str(url.database))
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | (os.O_CREAT if create else 0)
        os.close(os.open(path, flags, 0o600))  # who spent what is nobody else's business
    except FileNotFoundError:
        raise LedgerError(f"{path}: there is no ledger yet; `headgate serve` makes it when it starts") from None
    except OSError as error:
        raise LedgerError(f"{path}: the ledger cannot be opened: {error.strerror}") from None
    engine = create_engine(url, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's
    connection.isolation_level = None  # the driver begins nothing by itself
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(
        "PRAGMA synchronous = NORMAL"
    )  # a power cut may take the last transactions: the journal has them


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: URL) -> Engine:
    return create_engine(url, pool_pre_ping=True, pool_size=4, connect_args={"connect_timeout": CONNECT_S})


def _reason(error: DBAPIError) -> str:
    """The driver's word, without the statement and its values."""
    return next(iter(str(error.orig).splitlines()), "") or type(error).__name__
