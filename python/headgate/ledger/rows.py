"""Calls from their rows."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from headgate.ledger import tables
from headgate.ledger.state import attempt_of, call_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from headgate.ledger.state import Call

_AT_ONCE: Final = 1_000


def calls_between(connection: Connection, since_ns: int, until_ns: int) -> Iterator[Call]:
    """Calls that began in a time, the earliest first, with their attempts."""
    table = tables.calls
    query = select(table).where(table.c.at_ns >= since_ns, table.c.at_ns < until_ns).order_by(table.c.at_ns)
    found = connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings()
    for some in _batches(call_of(row) for row in found):
        calls = {call.id: call for call in some}
        _add_attempts(connection, calls)
        yield from calls.values()


def call_by_id(connection: Connection, call: bytes) -> Call | None:
    """One call with its attempts; none where there is no row of it."""
    row = connection.execute(select(tables.calls).where(tables.calls.c.call == call)).mappings().one_or_none()
    if row is None:
        return None
    found = call_of(row)
    _add_attempts(connection, {call: found})
    return found


def _add_attempts(connection: Connection, calls: dict[bytes, Call]) -> None:
    query = select(tables.attempts).where(tables.attempts.c.call.in_(list(calls)))
    for row in connection.execute(query).mappings():
        attempt = attempt_of(row)
        calls[bytes(row["call"])].attempts[attempt.number] = attempt


def _batches(calls: Iterable[Call]) -> Iterator[list[Call]]:
    remaining = iter(calls)
    while some := list(itertools.islice(remaining, _AT_ONCE)):
        yield some
