"""One call for people: a line about it, and one or two for each attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.cli.text import console, safe
from headgate.ledger.entries import CLASSES
from headgate.ledger.money import short_usd
from headgate.ledger.show import call_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate.ledger.entries import Opened, Settled, Usage
    from headgate.ledger.state import Attempt, Call

_WHO = ("key", "team", "user", "agent", "session", "task")


def print_call(call: Call) -> None:
    """A call with its attempts."""
    out = console()
    for number, line in enumerate(lines(call)):
        out.print(f"[bold]{safe(line)}[/]" if number == 0 else safe(line))


def lines(call: Call) -> Iterator[str]:
    """The lines about a call."""
    yield call_name(call.id)
    if (opened := call.opened) is not None:
        yield f"  {_time(opened.at_ns)}  {_asked(opened)}"
        who = [f"{name} {value}" for name in _WHO if (value := getattr(opened, name))]
        tags = [f"{name}={value}" for name, value in opened.tags]
        if who or tags:
            yield f"  {', '.join([*who, *tags])}"
    else:
        yield "  how it began is not known"
    for number in sorted(call.attempts):
        yield from _attempt(call.attempts[number], served=call.attempts[number] is call.served)
    closed = call.closed
    if closed is None:
        yield "  not closed: it is open, or was cut off by a crash"
    else:
        because = f" ({closed.fault})" if closed.fault else ""
        status = f" {closed.status}" if closed.status is not None else ""
        carried = f"{closed.bytes_in:,} bytes in, {closed.bytes_out:,} out"
        yield f"  {closed.outcome}{status}{because} after {_took(closed.took_ns)}; {carried}"


def _asked(opened: Opened) -> str:
    streamed = ", streamed" if opened.streamed else ""
    return f"{opened.operation or 'a call'} for {opened.alias or 'no alias'}{streamed}"


def _attempt(attempt: Attempt, *, served: bool) -> Iterator[str]:
    sent, settled = attempt.sent, attempt.settled
    where = "where it went is not known"
    if sent is not None:
        named = f"{sent.provider}/{sent.deployment}" if sent.deployment != "*" else sent.provider
        where = f"{sent.model} at {named}, step {sent.step + 1}{', a hedge' if sent.hedge else ''}"
    yield f"  attempt {attempt.number}: {where}"
    if settled is None:
        held = short_usd(sent.reserved_nano_usd or 0) if sent is not None else "nothing"
        yield f"    not settled: it is open, or was cut off by a crash; {held} is held for it"
        return
    became = f"{settled.became or 'ended'}{f', {settled.status}' if settled.status is not None else ''}"
    because = f", {settled.fault}" if settled.fault else ""
    first = f", first token after {_took(settled.first_token_ns)}" if settled.first_token_ns is not None else ""
    yield f"    {became}{because} after {_took(settled.took_ns)}{first}{', served the answer' if served else ''}"
    yield f"    {_cost(settled)}"


def _cost(settled: Settled) -> str:
    if settled.basis == "void":
        return "nothing was made that is billed"
    money = "its price is not known" if settled.nano_usd is None else short_usd(settled.nano_usd)
    price = f" by the price {settled.price}" if settled.price else ""
    counted = {"counted": ", by our own count", "reserved": ", what was reserved: the gateway was killed meanwhile"}
    return f"{_used(settled.usage) or 'no tokens'}: {money}{price}{counted.get(settled.basis, '')}"


def _used(usage: Usage) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name in CLASSES if (count := getattr(usage, name)))


def _took(ns: int) -> str:
    return f"{ns / 1_000_000:.1f} ms" if ns < 1_000_000_000 else f"{ns / 1_000_000_000:.2f} s"


def _time(at_ns: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"
