"""What a call contributes to sums: a pure function of what is known of it.

A call counts at its place (the attempt that served it) when it was opened, each attempt at its own place when it was
sent. What is not known yet counts under `(unknown)` and moves once it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headgate.ledger.entries import CLASSES

if TYPE_CHECKING:
    from headgate.ledger.counters import Sums
    from headgate.ledger.state import Attempt, Call

UNKNOWN: Final = "(unknown)"
OTHER: Final = "(other)"
"""What dimensions are called when there are too many of them."""

Dimensions = tuple[str, ...]
"""Values of `tables.DIMENSIONS`, in their order."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a call (`number` is none) or one of its attempts adds to the sums of one time and place."""

    number: int | None
    at_ns: int
    dimensions: Dimensions
    sums: Sums


@dataclass(frozen=True, slots=True)
class Task:
    """What a call adds to the sums of its task."""

    key: str
    agent: str
    task: str
    at_ns: int
    tokens: int
    nano_usd: int


def parts(call: Call) -> list[Part]:
    """What a call adds to sums; nothing of one of which nothing is known."""
    served = call.served
    found = [
        Part(number, each.at_ns, _dimensions(call, each), _attempt(call, each, served))
        for number, each in call.attempts.items()
    ]
    if call.opened is not None or call.closed is not None:
        found.append(Part(None, call.at_ns, _dimensions(call, served), _call(call)))
    return found


def task(call: Call) -> Task | None:
    """What a call adds to the sums of its task, if it has one."""
    opened = call.opened
    if opened is None or not opened.task:
        return None
    settled = [each.settled for each in call.attempts.values() if each.settled is not None]
    tokens = sum(each.usage.input + each.usage.output for each in settled)
    return Task(
        opened.key, opened.agent, opened.task, opened.at_ns, tokens, sum(each.nano_usd or 0 for each in settled)
    )


def _dimensions(call: Call, attempt: Attempt | None) -> Dimensions:
    opened = call.opened
    sent = attempt.sent if attempt is not None else None
    who = (opened.key, opened.team, opened.user, opened.agent, opened.alias) if opened else (UNKNOWN,) * 5
    if sent is not None:
        return (*who, sent.model, sent.deployment, sent.provider)
    return (*who, *((UNKNOWN,) * 3 if attempt is not None else ("",) * 3))


def _call(call: Call) -> Sums:
    sums: Sums = {"calls": 1}
    if (closed := call.closed) is not None:
        good = closed.outcome == "answered" and (closed.status or 500) < 400
        sums |= {
            "errors": int(not good),
            "refused": int(closed.outcome == "refused"),
            "left": int(closed.outcome == "client_gone"),
            "took_ms": closed.took_ns // 1_000_000,
        }
    return sums


def _attempt(call: Call, attempt: Attempt, served: Attempt | None) -> Sums:
    hedge = attempt.sent is not None and attempt.sent.hedge
    first = attempt.number == min(call.attempts)
    sums: Sums = {"attempts": 1, "hedges": int(hedge), "retries": int(not hedge and not first)}
    settled = attempt.settled
    if settled is None:
        sent = attempt.sent
        return sums | {"unsettled": 1, "unsettled_nano_usd": (sent.reserved_nano_usd or 0) if sent else 0}
    nano = settled.nano_usd or 0
    sums |= {name: getattr(settled.usage, name) for name in CLASSES}
    sums |= {"nano_usd": nano, "void": int(settled.basis == "void")}
    if settled.basis in ("counted", "reserved"):
        sums |= {settled.basis: 1, f"{settled.basis}_nano_usd": nano}
    if settled.nano_usd is None and settled.basis != "void" and any(sums[name] for name in CLASSES):
        sums["unpriced"] = 1
    if attempt is not served:
        extra = "hedge_nano_usd" if hedge or settled.became == "hedge_lost" else "retry_nano_usd"
        sums[extra] = nano
    return sums
