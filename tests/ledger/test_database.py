"""Opening a database: what is refused, how, and who may read the file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import select, text

from headgate.errors import LedgerError
from headgate.ledger import tables
from headgate.ledger.database import Database, parse_url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "this is not the URL of a database"),
        ("data/headgate.db", "this is not the URL of a database"),
        ("mysql://root:hunter2@db/x", "`mysql` is no database that holds a ledger"),
        ("sqlite://", "stands in a file"),
        ("sqlite:///:memory:", "stands in a file"),
        ("postgresql+asyncpg://u:hunter2@db/x", "no database that holds a ledger"),
    ],
)
def test_what_is_no_ledger_is_refused_without_its_password(url: str, says: str) -> None:
    with pytest.raises(LedgerError, match=says) as refused:
        parse_url(url)
    assert "hunter2" not in str(refused.value)


def test_a_server_that_is_not_there_is_69_without_its_password(closed_port: int) -> None:
    database = Database(f"postgresql://u:hunter2@127.0.0.1:{closed_port}/x")
    with pytest.raises(LedgerError, match="refused") as refused, database.reading():
        pass
    assert refused.value.exit_code == 69
    assert "hunter2" not in str(refused.value)


def test_a_file_of_a_ledger_is_its_owners_alone(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path}/deep/ledger.db").close()
    assert stat.S_IMODE((tmp_path / "deep/ledger.db").stat().st_mode) == 0o600


def test_a_question_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="there is no ledger yet"):
        Database(f"sqlite:///{tmp_path}/ledger.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("not a database, but long enough to be taken for one " * 9)
    with pytest.raises(LedgerError, match="not a database"), Database(f"sqlite:///{tmp_path}/ledger.db").reading():
        pass


def test_who_reads_does_not_wait_for_who_writes(database: Database) -> None:
    with database.writing() as writing:
        writing.execute(tables.positions.insert().values(source="a", position="1", entry_ns=1, folded_ns=1))
        with database.reading() as reading:
            assert list(reading.execute(select(tables.positions))) == []


def test_an_exception_takes_back_what_was_written(database: Database) -> None:
    row = tables.positions.insert().values(source="a", position="1", entry_ns=1, folded_ns=1)
    with pytest.raises(LedgerError), database.writing() as writing:
        list(map(writing.execute, [row, row]))
    with database.reading() as reading:
        assert list(reading.execute(select(tables.positions))) == []


def test_an_error_of_the_database_names_it_and_not_the_values(database: Database) -> None:
    with pytest.raises(LedgerError, match="nothing") as refused, database.reading() as reading:
        reading.execute(text("SELECT * FROM nothing WHERE 'hunter2' = :x"), {"x": "hunter2"})
    assert "hunter2" not in str(refused.value)
