"""The schema: from nothing, from the first revision with data in it, and never backwards."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from headgate.errors import LedgerError
from headgate.keys import tables as keys_tables
from headgate.ledger import schema, tables
from headgate.ledger.database import Database
from headgate.ledger.fold import Fold
from tests.ledger import reference
from tests.ledger.made import Made, simple
from tests.ledger.test_fold import sums


def test_the_tables_are_what_the_steps_come_to(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "headgate_schema"})
        assert keys_tables.keys.metadata is tables.metadata
        assert compare_metadata(context, tables.metadata) == []


def test_the_newest_revision_is_the_one_that_the_program_names() -> None:
    assert ScriptDirectory(str(schema.FOLDER)).get_current_head() == schema.NEWEST


def back_to_the_fourth(database: Database) -> None:
    """Takes away what the steps behind the fourth revision added."""
    with database.writing() as connection:
        for grain in ("minute", "hour", "day", "month"):
            for name in ("reserved", "reserved_nano_usd"):
                connection.execute(text(f"ALTER TABLE usage_{grain} DROP COLUMN {name}"))
        connection.execute(text("UPDATE headgate_schema SET version_num = '0004'"))


def test_a_ledger_of_an_earlier_revision_keeps_what_it_holds(url: str) -> None:
    database = Database(url)
    with database.writing() as connection:
        schema.upgrade(connection, "0001")
    schema.migrate(database)
    entries = [entry for number in range(3) for entry in simple(number, key="ci")]
    Fold(database, Made(entries)).to_the_end()
    back_to_the_fourth(database)
    schema.migrate(database)
    schema.require(database)
    assert sums(database) == reference.sums(entries)
    more = [*entries, *simple(9)]
    Fold(database, Made(more)).to_the_end()
    assert sums(database) == reference.sums(more)
    database.close()


def test_a_ledger_of_a_newer_headgate_is_refused_naming_both(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE headgate_schema SET version_num = '9999'"))
    for look in (schema.migrate, schema.require):
        with pytest.raises(LedgerError, match=rf"schema 9999 of a newer headgate; this one knows {schema.NEWEST}"):
            look(database)


def test_a_database_without_a_ledger_is_told_apart_from_an_old_one(url: str) -> None:
    database = Database(url)
    with pytest.raises(LedgerError, match="has no ledger in it yet"):
        schema.require(database)
    database.close()


def test_several_programs_that_start_at_once_migrate_once(url: str) -> None:
    errors: list[BaseException] = []

    def start() -> None:
        database = Database(url)
        try:
            schema.migrate(database)
            schema.require(database)
        except BaseException as error:  # noqa: BLE001 - whatever it was is the finding
            errors.append(error)
        database.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_step_that_fails_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(url)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "upgrade", lambda connection, _: _half_a_step(connection))
        with pytest.raises(LedgerError):
            schema.migrate(database)
    schema.migrate(database)
    schema.require(database)
    database.close()


def _half_a_step(connection: object) -> None:
    schema_of = connection
    schema_of.execute(text("CREATE TABLE calls (call INTEGER)"))  # type: ignore[attr-defined]
    schema_of.execute(text("SELECT * FROM nothing"))  # type: ignore[attr-defined]
