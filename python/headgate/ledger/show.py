"""One call as programs take it, and its id as people see it: `req_` and 32 hex digits, as in the answer's header."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from headgate.errors import UsageError
from headgate.ledger.contribution import parts
from headgate.ledger.money import exact_usd

if TYPE_CHECKING:
    from headgate.ledger.entries import Settled
    from headgate.ledger.state import Attempt, Call

PREFIX: Final = "req_"


def call_name(call: bytes) -> str:
    """The id of a call as its caller sees it."""
    return PREFIX + call.hex()


def call_id(name: str) -> bytes:
    """The id that a text names. Raises `UsageError`."""
    if not re.fullmatch(rf"({PREFIX})?[0-9a-f]{{32}}", name):
        text = f"`{PREFIX}` and 32 hex digits, as in the header `headgate-request-id` of its answer"
        raise UsageError(f"`{name[:60]}` is not the id of a call: {text}")
    return bytes.fromhex(name.removeprefix(PREFIX))


def call_json(call: Call) -> dict[str, Any]:
    """A call with its attempts; what is not known is null."""
    sums = [part.sums for part in parts(call)]
    nano = sum(each.get("nano_usd", 0) for each in sums)
    opened, closed = call.opened, call.closed
    told: dict[str, Any] = {"call": call_name(call.id), "nano_usd": nano, "usd": exact_usd(nano)}
    told["opened"] = None if opened is None else _entry(asdict(opened)) | {"tags": dict(opened.tags)}
    told["attempts"] = [_attempt(call.attempts[number]) for number in sorted(call.attempts)]
    told["closed"] = None if closed is None else _entry(asdict(closed))
    return told


def _attempt(attempt: Attempt) -> dict[str, Any]:
    sent = None if attempt.sent is None else _entry(asdict(attempt.sent))
    return {"number": attempt.number, "sent": sent, "settled": attempt.settled and _settled(attempt.settled)}


def _settled(settled: Settled) -> dict[str, Any]:
    told = _entry(asdict(settled))
    for name in ("usage", "rates"):
        told[name] = {kind: count for kind, count in told[name].items() if count}
    return told


def _entry(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in ("call", "number")}
