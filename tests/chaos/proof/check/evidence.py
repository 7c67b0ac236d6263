"""What a job left behind, in one database of the checker's own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.harness import journal

Row = tuple[Any, ...]
_SCHEMA: Final = """
CREATE TABLE lines (name, at_ms, path, model, status, input, cache_read, output, reasoning, faults);
CREATE TABLE callers (name, kind, agent, model, left, status, call, whole, shared, total_tokens, began_ns, ended_ns);
CREATE TABLE entries (kind, call, number, body, file);
ATTACH 'file:{ledger}?mode=ro' AS ledger;
"""
_INDICES: Final = """
CREATE INDEX lines_name ON lines (name);
CREATE INDEX callers_name ON callers (name);
CREATE TABLE named AS SELECT json_extract(tags, '$.call') AS name, call FROM ledger.calls;
CREATE INDEX named_name ON named (name);
"""
_COLUMNS: Final = ("input", "cache_read", "cache_write", "input_audio", "input_image")
_OUTPUT: Final = ("output", "reasoning", "output_audio", "output_image")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The job's own words, and the database: `lines` of the bill, `callers`, `entries` of the journal, `ledger.*`."""

    job: dict[str, Any]
    database: sqlite3.Connection

    @staticmethod
    def load(folder: Path) -> Evidence:
        """Reads all that is in a folder."""
        database = sqlite3.connect("", uri=True)  # a file of its own that is gone in the end
        database.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;")
        database.executescript(_SCHEMA.format(ledger=folder / "ledger.db"))
        _fill(database, "lines", map(_line, _read(folder / "bill.jsonl")))
        _fill(database, "callers", map(_caller, _read(folder / "callers.jsonl")))
        with ProcessPoolExecutor() as processes:
            for rows in processes.map(_entries, sorted((folder / "journal").glob("*.hgj"))):
                _fill(database, "entries", iter(rows))
        database.executescript(_INDICES)
        return Evidence(json.loads((folder / "job.json").read_text(encoding="utf-8")), database)

    def rows(self, question: str, *values: object) -> Iterator[sqlite3.Row]:
        """Asks the database."""
        cursor = self.database.cursor()
        cursor.row_factory = sqlite3.Row
        yield from cursor.execute(question, values)

    def number(self, question: str, *values: object) -> int:
        """Asks for a number."""
        (found,) = self.database.execute(question, values).fetchone()
        return int(found or 0)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _fill(database: sqlite3.Connection, table: str, rows: Iterator[Row]) -> None:
    (columns,) = database.execute(f"SELECT count(*) FROM pragma_table_info('{table}')").fetchone()
    database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)


def _line(line: dict[str, Any]) -> Row:
    numbers = [line[name] for name in ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")]
    where = (line["client_id"], line["at_ms"], line["path"], line["model"], line["status"])
    return (*where, *numbers, ",".join(line["faults"]))


def _caller(line: dict[str, Any]) -> Row:
    names = ("name", "kind", "agent", "model", "left", "status", "id", "whole", "shared", "total_tokens")
    found = {**line, "id": bytes.fromhex(line["id"]) if line["id"] else None}
    return tuple(found[name] for name in (*names, "began_ns", "ended_ns"))


def _entries(path: Path) -> list[Row]:
    """The entries of one file. A class of tokens that is part of another is counted there too, as in the ledger."""
    rows = []
    for entry in journal.entries(path.read_bytes()):
        call = bytes.fromhex(entry["call"].removeprefix("req_"))
        body = entry
        if entry["kind"] == "settled":
            used = {name: entry["used"].get(name, 0) for name in (*_COLUMNS, *_OUTPUT, "audio_ms")}
            used |= {"input": sum(used[name] for name in _COLUMNS), "output": sum(used[name] for name in _OUTPUT)}
            body = entry | {"used": used}
        rows.append((entry["kind"], call, entry.get("attempt", 0), json.dumps(body), path.name))
    return rows
