"""A call as far as it is known: from entries, in whatever order they come, and to and from rows.

Each entry fills its own part, and the first one counts, so repetition and order change nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

from headgate.ledger.entries import CLASSES, Closed, Opened, Sent, Settled, Usage

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headgate.ledger.entries import Entry

Row = dict[str, Any]
LONGEST: Final = 256
"""Characters that are kept of a text."""
MOST_NANO_USD: Final = 10**16
"""The most money for one attempt that is believed, ten million dollars: sums stay far from the end of a BIGINT."""
_MONEY: Final = ("nano_usd", "reserved_nano_usd")


@dataclass(slots=True)
class Attempt:
    """One attempt; `series` is where its sums went."""

    number: int
    sent: Sent | None = None
    settled: Settled | None = None
    series: int | None = None

    @property
    def at_ns(self) -> int:
        """When it was sent, or the first that is known of it."""
        if self.sent is not None:
            return self.sent.at_ns
        return self.settled.at_ns if self.settled is not None else 0


@dataclass(slots=True)
class Call:
    """One call; `series` is where its sums went."""

    id: bytes
    opened: Opened | None = None
    closed: Closed | None = None
    attempts: dict[int, Attempt] = field(default_factory=dict)
    series: int | None = None

    def take(self, entry: Entry) -> None:
        """Fills in what an entry says, unless it is known."""
        entry = bounded(entry)
        if isinstance(entry, Opened):
            self.opened = self.opened or entry
        elif isinstance(entry, Closed):
            self.closed = self.closed or entry
        else:
            attempt = self.attempts.setdefault(entry.number, Attempt(entry.number))
            if isinstance(entry, Sent):
                attempt.sent = attempt.sent or entry
            else:
                attempt.settled = attempt.settled or entry

    @property
    def at_ns(self) -> int:
        """When it was opened, or the first that is known of it."""
        if self.opened is not None:
            return self.opened.at_ns
        times = [attempt.at_ns for attempt in self.attempts.values()]
        return min([*times, self.closed.at_ns] if self.closed is not None else times, default=0)

    @property
    def served(self) -> Attempt | None:
        """The attempt that the answer came from: the first good one, else the last."""
        good = [each for each in self.attempts.values() if each.settled is not None and each.settled.became == "good"]
        if good:
            return min(good, key=lambda each: each.number)
        return max(self.attempts.values(), key=lambda each: each.number, default=None)


def bounded(entry: Entry) -> Entry:
    """The entry with every value within what a column holds; itself where all are."""
    changes: dict[str, Any] = {}
    for name in entry.__slots__:
        value = getattr(entry, name)
        if isinstance(value, str) and (len(value) > LONGEST or "\0" in value):
            changes[name] = value.replace("\0", "")[:LONGEST]  # PostgreSQL takes no zero in a text
        elif name in _MONEY and value is not None and value > MOST_NANO_USD:
            changes[name] = MOST_NANO_USD
    return replace(entry, **changes) if changes else entry


_OPENED = tuple(each.name for each in fields(Opened) if each.name not in ("call", "at_ns"))
_CLOSED = tuple(each.name for each in fields(Closed) if each.name not in ("call", "at_ns"))
_SENT = tuple(each.name for each in fields(Sent) if each.name not in ("call", "number", "at_ns"))
_SETTLED = tuple(
    each.name for each in fields(Settled) if each.name not in ("call", "number", "at_ns", "usage", "rates")
)


def call_row(call: Call) -> Row:
    """The row of `calls`."""
    row: Row = {"call": call.id, "at_ns": call.at_ns, "series": call.series}
    row |= _part(call.opened, _OPENED, "opened_ns") | _part(call.closed, _CLOSED, "closed_ns")
    if call.opened is not None:
        row["tags"] = json.dumps(dict(call.opened.tags), ensure_ascii=False)
    return row


def attempt_row(call: bytes, attempt: Attempt) -> Row:
    """A row of `attempts`."""
    row: Row = {"call": call, "number": attempt.number, "series": attempt.series}
    row |= _part(attempt.sent, _SENT, "sent_ns") | _part(attempt.settled, _SETTLED, "settled_ns")
    settled = attempt.settled
    if settled is None:
        return row | dict.fromkeys((*CLASSES, "rates"))
    rates = {name: rate for name in CLASSES if (rate := getattr(settled.rates, name))}
    return row | {name: getattr(settled.usage, name) for name in CLASSES} | {"rates": json.dumps(rates)}


def _part(entry: Entry | None, names: tuple[str, ...], time: str) -> Row:
    if entry is None:
        return dict.fromkeys((time, *names))
    return {time: entry.at_ns} | {name: getattr(entry, name) for name in names}


def call_of(row: RowMapping) -> Call:
    """The call of a row, without its attempts."""
    call = Call(bytes(row["call"]), series=row["series"])
    if row["opened_ns"] is not None:
        said = {name: row[name] for name in _OPENED} | {"tags": tuple(json.loads(row["tags"]).items())}
        call.opened = Opened(call.id, row["opened_ns"], **said)
    if row["closed_ns"] is not None:
        call.closed = Closed(call.id, row["closed_ns"], **{name: row[name] for name in _CLOSED})
    return call


def attempt_of(row: RowMapping) -> Attempt:
    """The attempt of a row."""
    call, attempt = bytes(row["call"]), Attempt(row["number"], series=row["series"])
    if row["sent_ns"] is not None:
        attempt.sent = Sent(call, attempt.number, row["sent_ns"], **{name: row[name] for name in _SENT})
    if row["settled_ns"] is not None:
        usage = Usage(**{name: row[name] for name in CLASSES})
        said = {name: row[name] for name in _SETTLED} | {"rates": Usage(**json.loads(row["rates"]))}
        attempt.settled = Settled(call, attempt.number, row["settled_ns"], usage=usage, **said)
    return attempt
