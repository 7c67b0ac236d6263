"""Calls as they end, from a journal that is being written."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from headgate.ledger.entries import Closed
from headgate.ledger.state import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headgate.ledger.entries import Entry, Journal

BATCH: Final = 4_096
MOST_OPEN: Final = 100_000
"""Open calls that are held; beyond, the one that was opened first is forgotten, and what is told of it begins later."""


OUTCOMES: Final = ("answered", "refused", "failed", "cut", "client_gone")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls are told of; an empty field lets all through."""

    key: str = ""
    alias: str = ""
    outcome: str = ""

    def fits(self, call: Call) -> bool:
        """Whether a call that has ended is one of them."""
        opened, closed = call.opened, call.closed
        found = (opened.key if opened else "", opened.alias if opened else "", closed.outcome if closed else "")
        wanted = (self.key, self.alias, self.outcome)
        return all(not want or want == value for want, value in zip(wanted, found, strict=True))


@dataclass(slots=True)
class Ended:
    """Puts entries together to calls, and gives each when it has ended."""

    most_open: int = MOST_OPEN
    _open: OrderedDict[bytes, Call] = field(default_factory=OrderedDict)

    def take(self, entry: Entry) -> Call | None:
        """Takes an entry; the call that ended with it."""
        call = self._open.get(entry.call)
        if call is None:
            call = self._open[entry.call] = Call(entry.call)
            if len(self._open) > self.most_open:
                self._open.popitem(last=False)
        call.take(entry)
        if not isinstance(entry, Closed):
            return None
        self._open.pop(entry.call, None)
        return call


def follow(journal: Journal, after: str, since_ns: int, wait: Callable[[], bool]) -> Iterator[Call]:
    """Calls that end from a time on, in the order of the journal, beginning to read behind a position.

    At the end of the journal `wait` is called, and says whether to go on.
    """
    ended = Ended()
    while True:
        entries, after = journal.read(after, BATCH)
        for entry in entries:
            call = ended.take(entry)
            if call is not None and entry.at_ns >= since_ns:
                yield call
        if len(entries) < BATCH and not wait():
            return
