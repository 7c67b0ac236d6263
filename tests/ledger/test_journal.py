"""The journal as the compiled module gives it: each field in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headgate.errors import LedgerError
from headgate.ledger.entries import Closed, Opened, Sent, Settled, Usage
from headgate.ledger.journal import Directory, entry_of

CALL = "req_" + "0a" * 16
ID = bytes.fromhex("0a" * 16)
SHARED = {"worker": 0, "call": CALL, "at_ns": 7}
OPENED = SHARED | {
    "kind": "opened",
    "plan": "0123456789abcdef",
    "stream": True,
    "alias": "smart",
    "operation": "chat_completions",
    "key": "ci",
    "team": None,
    "user": "ann",
    "agent": None,
    "session": None,
    "task": "t",
    "tags": {"env": "prod"},
}
SENT = SHARED | {
    "kind": "sent",
    "attempt": 1,
    "step": 0,
    "endpoint": 2,
    "credential": 1,
    "hedge": False,
    "input_tokens": 9,
    "output_tokens": 8,
    "reserved_nano_usd": None,
    "provider": "openai",
    "deployment": "*",
    "model": "gpt-5.2",
}
SETTLED = SHARED | {
    "kind": "settled",
    "attempt": 1,
    "status": 200,
    "took_ns": 5,
    "first_token_ns": None,
    "nano_usd": 12,
    "used": {"input": 3, "cache_read": 1, "output": 2, "reasoning": 5},
    "rates": {"input": 4_000},
    "basis": "provider",
    "class": "good",
    "fault": None,
    "price": "2026-09-01",
}
CLOSED = SHARED | {
    "kind": "closed",
    "attempts": 1,
    "status": 200,
    "took_ns": 6,
    "bytes_in": 10,
    "bytes_out": 20,
    "outcome": "answered",
    "fault": None,
}


def test_each_field_is_in_its_place() -> None:
    assert entry_of(OPENED) == Opened(
        ID,
        7,
        alias="smart",
        operation="chat_completions",
        streamed=True,
        key="ci",
        user="ann",
        task="t",
        tags=(("env", "prod"),),
        plan="0123456789abcdef",
    )
    assert entry_of(SENT) == Sent(
        ID, 1, 7, "openai", "*", "gpt-5.2", endpoint=2, credential=1, input_tokens=9, output_tokens=8
    )
    assert entry_of(SETTLED) == Settled(
        ID,
        1,
        7,
        status=200,
        became="good",
        usage=Usage(input=4, cache_read=1, output=7, reasoning=5),
        rates=Usage(input=4_000),
        nano_usd=12,
        price="2026-09-01",
        took_ns=5,
    )
    assert entry_of(CLOSED) == Closed(
        ID, 7, outcome="answered", status=200, took_ns=6, bytes_in=10, bytes_out=20, attempts=1
    )


class Reader:
    """A journal of one call, with a damaged place."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, str]] = []

    def read(self, position: str, limit: int) -> tuple[list[dict[str, Any]], str, list[dict[str, Any]]]:
        """See `headgate.ledger.journal.Reader`."""
        assert limit == 10
        return ([], "4", []) if position else ([OPENED, SENT, SETTLED, CLOSED], "4", [{"what": "gap"}])

    def acknowledge(self, consumer: str, position: str) -> None:
        """See `headgate.ledger.journal.Reader`."""
        self.noted.append((consumer, position))


def test_a_journal_keeps_its_name_and_tells_what_is_damaged(tmp_path: Path) -> None:
    damaged: list[dict[str, Any]] = []
    reader = Reader()
    journal = Directory(str(tmp_path), reader, damaged.append)
    entries, position = journal.read("", 10)
    assert [type(entry) for entry in entries] == [Opened, Sent, Settled, Closed]
    assert journal.read(position, 10) == ([], "4")
    assert damaged == [{"what": "gap"}]
    journal.acknowledge("4")
    assert reader.noted == [("ledger", "4")]
    assert Directory(str(tmp_path), reader).source == journal.source
    moved = tmp_path.with_name("moved")
    tmp_path.rename(moved)
    assert Directory(str(moved), reader).source == journal.source
    (moved / "journal.id").write_text("")
    assert Directory(str(moved), reader).source, "whoever made it was killed before it had a name"


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"journal\.id: No such file"):
        Directory(str(tmp_path / "none"), Reader())
