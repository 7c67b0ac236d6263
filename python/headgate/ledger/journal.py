"""The journal of a data plane, as it stands in a directory."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from headgate.errors import LedgerError
from headgate.ledger.entries import Closed, Opened, Sent, Settled, Usage
from headgate.ledger.show import call_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headgate.ledger.entries import Entry

CONSUMER: Final = "ledger"
"""Under this name the journal remembers how far it was read."""
_NAME: Final = "journal.id"

Raw = dict[str, Any]
"""An entry, or a place that is damaged, as `headgate._native.Journal` gives it."""


class Reader(Protocol):
    """What `headgate._native.Journal` does."""

    def read(self, position: str, limit: int) -> tuple[list[Raw], str, list[Raw]]:
        """Entries behind a position, the position behind them, and what was damaged on the way."""

    def acknowledge(self, consumer: str, position: str) -> None:
        """Says that what stands before a position need not be kept for a consumer."""


class Directory:
    """A journal in a directory. `damaged` is told of places where entries should stand and do not."""

    def __init__(self, directory: str, reader: Reader, damaged: Callable[[Raw], None] = lambda _: None) -> None:
        self._reader = reader
        self._damaged = damaged
        self.source = _source(Path(directory))

    def read(self, after: str, most: int) -> tuple[Sequence[Entry], str]:
        """See `headgate.ledger.entries.Journal`."""
        entries, position, damage = self._reader.read(after, most)
        for place in damage:
            self._damaged(place)
        return [entry_of(raw) for raw in entries], position

    def acknowledge(self, position: str) -> None:
        """See `headgate.ledger.entries.Journal`."""
        self._reader.acknowledge(CONSUMER, position)


def entry_of(raw: Raw) -> Entry:
    """An entry from what the compiled module gives."""
    call, at_ns = call_id(raw["call"]), raw["at_ns"]
    match raw["kind"]:
        case "opened":
            return Opened(call, at_ns, streamed=raw["stream"], tags=tuple(raw["tags"].items()), **_texts(raw, _OPENED))
        case "sent":
            return Sent(
                call, raw["attempt"], at_ns, **_texts(raw, _SENT), **{name: raw[name] for name in _SENT_NUMBERS}
            )
        case "settled":
            said = _texts(raw, _SETTLED) | {name: raw[name] for name in _SETTLED_NUMBERS}
            usage, rates = _usage(raw["used"]), Usage(**raw["rates"])
            return Settled(call, raw["attempt"], at_ns, became=raw["class"] or "", usage=usage, rates=rates, **said)
        case _:
            said = _texts(raw, ("outcome", "fault")) | {name: raw[name] for name in _CLOSED_NUMBERS}
            return Closed(call, at_ns, **said)


_OPENED: Final = ("alias", "operation", "key", "team", "user", "agent", "session", "task", "plan")
_SENT: Final = ("provider", "deployment", "model")
_SENT_NUMBERS: Final = (
    *("step", "endpoint", "credential", "hedge"),
    *("input_tokens", "output_tokens", "reserved_nano_usd"),
)
_SETTLED: Final = ("fault", "price", "basis")
_SETTLED_NUMBERS: Final = ("status", "took_ns", "first_token_ns", "nano_usd")
_CLOSED_NUMBERS: Final = ("attempts", "status", "took_ns", "bytes_in", "bytes_out")


def _usage(used: dict[str, int]) -> Usage:
    """The journal has each token in one class; here those of a part are in their whole too."""
    usage = Usage(**used)
    read = usage.input + usage.cache_read + usage.cache_write + usage.input_audio + usage.input_image
    made = usage.output + usage.reasoning + usage.output_audio + usage.output_image
    return replace(usage, input=read, output=made)


def _texts(raw: Raw, names: tuple[str, ...]) -> Raw:
    return {name: raw[name] or "" for name in names}


def _source(directory: Path) -> str:
    """A name of the journal for good, which moves with its files: it stands beside them."""
    path = directory / _NAME
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            name = path.read_text(encoding="ascii").strip()
            if name:
                return name
            descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)  # whoever made it was killed before it had a name
        name = str(uuid.uuid4())
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(f"{name}\n")
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror}: the ledger notes there which journal this is") from None
    return name
