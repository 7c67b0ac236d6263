"""The rows of calls as a file: CSV, or Parquet for what reads columns.

One row for each attempt, with what is known of its call; a call without attempts has one row as well. Times are
nanoseconds since 1970 as integers in CSV and timestamps in Parquet, money is nano-dollars, tags are a JSON object.
"""

from __future__ import annotations

import csv
import itertools
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headgate.errors import GatewayError
from headgate.ledger.entries import CLASSES
from headgate.ledger.rows import calls_between
from headgate.ledger.show import call_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from headgate.ledger.state import Attempt, Call

_OF_CALL: Final = ("alias", "operation", "streamed", "key", "team", "user", "agent", "session", "task")
_OF_END: Final = ("outcome", "took_ns", "bytes_in", "bytes_out")
_SENT: Final = ("provider", "deployment", "model", "endpoint", "credential", "step", "hedge", "reserved_nano_usd")
_SETTLED: Final = ("became", "nano_usd", "basis", "price", "first_token_ns")
COLUMNS: Final[dict[str, str]] = {
    "call": "text",
    "at_ns": "time",
    **dict.fromkeys(_OF_CALL, "text"),
    "streamed": "bool",
    "tags": "text",
    **dict.fromkeys(_OF_END, "int"),
    "outcome": "text",
    "status": "int",
    "fault": "text",
    "attempt": "int",
    "sent_ns": "time",
    **dict.fromkeys(_SENT, "int"),
    **dict.fromkeys(("provider", "deployment", "model"), "text"),
    "hedge": "bool",
    "settled_ns": "time",
    "attempt_status": "int",
    "attempt_fault": "text",
    "attempt_took_ns": "int",
    **dict.fromkeys(_SETTLED, "text"),
    "nano_usd": "int",
    "first_token_ns": "int",
    **dict.fromkeys(CLASSES, "int"),
}
"""Names of columns and what they hold."""
_AT_ONCE: Final = 10_000

Row = dict[str, Any]


def rows(connection: Connection, since_ns: int, until_ns: int) -> Iterator[Row]:
    """All rows of a time."""
    for call in calls_between(connection, since_ns, until_ns):
        shared = _of_call(call)
        if not call.attempts:
            yield shared
        for number in sorted(call.attempts):
            yield shared | _of_attempt(call.attempts[number])


def write_csv(path: str, found: Iterator[Row]) -> int:
    """Writes CSV; how many rows that were."""
    count = 0
    with _opened(path) as stream:
        writer = csv.DictWriter(stream, list(COLUMNS), lineterminator="\n")
        writer.writeheader()
        for count, row in enumerate(found, 1):  # noqa: B007 - the last is the number of rows
            writer.writerow(row)
    return count


def _opened(path: str) -> Any:  # noqa: ANN401 - a text stream
    try:
        return Path(path).open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise GatewayError(f"{path} cannot be written: {error.strerror}") from None


def write_parquet(path: str, found: Iterator[Row]) -> int:
    """Writes Parquet; how many rows that were. Raises `GatewayError` where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise GatewayError("Parquet needs pyarrow: pip install 'headgate[parquet]'; --csv needs nothing")
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"text": pa.string(), "int": pa.int64(), "bool": pa.bool_(), "time": pa.timestamp("ns", "UTC")}
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    count = 0
    try:
        with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            while some := list(itertools.islice(found, _AT_ONCE)):
                writer.write_table(pa.Table.from_pylist(some, schema=schema))
                count += len(some)
    except OSError as error:
        raise GatewayError(f"{path} cannot be written: {error.strerror or error}") from None
    return count


def _of_call(call: Call) -> Row:
    row: Row = {"call": call_name(call.id), "at_ns": call.at_ns}
    if (opened := call.opened) is not None:
        row |= {name: getattr(opened, name) for name in _OF_CALL}
        row["tags"] = json.dumps(dict(opened.tags), ensure_ascii=False)
    if (closed := call.closed) is not None:
        row |= {name: getattr(closed, name) for name in (*_OF_END, "status", "fault")}
    return row


def _of_attempt(attempt: Attempt) -> Row:
    row: Row = {"attempt": attempt.number}
    if (sent := attempt.sent) is not None:
        row |= {name: getattr(sent, name) for name in _SENT} | {"sent_ns": sent.at_ns}
    if (settled := attempt.settled) is not None:
        row |= {name: getattr(settled, name) for name in _SETTLED}
        row |= {"settled_ns": settled.at_ns, "attempt_status": settled.status, "attempt_fault": settled.fault}
        row |= {"attempt_took_ns": settled.took_ns} | {name: getattr(settled.usage, name) for name in CLASSES}
    return row
