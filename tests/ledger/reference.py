"""The ledger in plain Python: no database, no batches, no order. What the fold must come to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypeVar

from headgate.ledger.entries import Closed, Entry, Opened, Sent, Settled

Place = tuple[str, int, tuple[str, ...]]
"""A grain, a bucket and the dimensions."""
STRPTIME = {"minute": "%Y-%m-%d %H:%M", "hour": "%Y-%m-%d %H", "day": "%Y-%m-%d", "month": "%Y-%m"}


def sums(entries: Iterable[Entry]) -> dict[Place, Counter[str]]:
    """All sums that are not zero, at each grain."""
    total: defaultdict[Place, Counter[str]] = defaultdict(Counter)
    for said in _by_call(entries).values():
        for at_ns, dimensions, counts in _of_call(said):
            for grain, form in STRPTIME.items():
                bucket = datetime.strptime(datetime.fromtimestamp(at_ns // 10**9, UTC).strftime(form), form)
                total[grain, int(bucket.replace(tzinfo=UTC).timestamp()), dimensions].update(counts)
    return {place: kept for place, counts in total.items() if (kept := +counts)}


def tasks(entries: Iterable[Entry]) -> dict[tuple[str, str, str], tuple[int, int, int, int, int]]:
    """First and last call, calls, tokens and money of each task of a key and an agent."""
    found: defaultdict[tuple[str, str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for said in _by_call(entries).values():
        opened = _only(said, Opened)
        if opened is not None and opened.task:
            settled = [entry for entry in said if isinstance(entry, Settled)]
            tokens = sum(entry.usage.input + entry.usage.output for entry in settled)
            money = sum(entry.nano_usd or 0 for entry in settled)
            found[opened.key, _text(opened.agent), opened.task].append((opened.at_ns, tokens, money))
    return {
        task: (
            min(at for at, _, _ in calls),
            max(at for at, _, _ in calls),
            len(calls),
            sum(tokens for _, tokens, _ in calls),
            sum(money for _, _, money in calls),
        )
        for task, calls in found.items()
    }


def _by_call(entries: Iterable[Entry]) -> dict[bytes, set[Entry]]:
    found: defaultdict[bytes, set[Entry]] = defaultdict(set)
    for entry in entries:
        found[entry.call].add(entry)
    return found


_E = TypeVar("_E", bound=Entry)


def _only(said: Iterable[Entry], kind: type[_E]) -> _E | None:
    return next((entry for entry in said if isinstance(entry, kind)), None)


def _of_call(said: set[Entry]) -> Iterable[tuple[int, tuple[str, ...], dict[str, int]]]:
    opened, closed = _only(said, Opened), _only(said, Closed)
    sent = {entry.number: entry for entry in said if isinstance(entry, Sent)}
    settled = {entry.number: entry for entry in said if isinstance(entry, Settled)}
    numbers = sorted({*sent, *settled})
    good = [number for number in numbers if number in settled and settled[number].became == "good"]
    served = next(iter(good or numbers[-1:]), None)
    who = ("(unknown)",) * 5
    if opened is not None:
        who = (opened.key, opened.team, opened.user, _text(opened.agent), opened.alias)

    def place(number: int | None) -> tuple[str, ...]:
        if number is None:
            return (*who, "", "", "")
        at = sent.get(number)
        return (*who, at.model, at.deployment, at.provider) if at else (*who, *["(unknown)"] * 3)

    times = {number: (sent.get(number) or settled[number]).at_ns for number in numbers}
    if opened or closed:
        first = opened.at_ns if opened else min([*times.values(), closed.at_ns] if closed else times.values())
        yield first, place(served), {"calls": 1} | (_closed(closed) if closed else {})
    for number in numbers:
        counts = _attempt(sent.get(number), settled.get(number), is_first=number == numbers[0], served=number == served)
        yield times[number], place(number), counts


def _closed(closed: Closed) -> dict[str, int]:
    good = closed.outcome == "answered" and closed.status is not None and closed.status < 400
    counts = {"errors": not good, "refused": closed.outcome == "refused", "left": closed.outcome == "client_gone"}
    return {name: int(held) for name, held in counts.items()} | {"took_ms": closed.took_ns // 10**6}


def _attempt(sent: Sent | None, settled: Settled | None, *, is_first: bool, served: bool) -> dict[str, int]:
    hedge = sent is not None and sent.hedge
    counts = {"attempts": 1, "hedges": int(hedge), "retries": int(not hedge and not is_first)}
    if settled is None:
        return counts | {"unsettled": 1, "unsettled_nano_usd": sent.reserved_nano_usd or 0 if sent else 0}
    money = settled.nano_usd or 0
    counts |= asdict(settled.usage) | {"nano_usd": money, "void": int(settled.basis == "void")}
    if settled.basis == "counted":
        counts |= {"counted": 1, "counted_nano_usd": money}
    if settled.basis == "reserved":
        counts |= {"reserved": 1, "reserved_nano_usd": money}
    if settled.nano_usd is None and settled.basis != "void" and any(asdict(settled.usage).values()):
        counts["unpriced"] = 1
    if not served:
        counts["hedge_nano_usd" if hedge or settled.became == "hedge_lost" else "retry_nano_usd"] = money
    return counts


def _text(value: str) -> str:
    return value.replace("\0", "")[:256]
