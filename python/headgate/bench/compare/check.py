"""Whether a window says anything: what was sent, what came back, and what provider and gateway counted, must agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.bench.compare.providers import Bill
    from headgate.bench.result import LoadResult


@dataclass(frozen=True)
class Counts:
    """What others counted during a window. `sent_bytes` is what the provider must have got for each call, if known."""

    bill: Bill
    calls_by_metrics: int | None = None
    sent_bytes: int | None = None


def flaw(load: LoadResult, counts: Counts) -> str | None:
    """The first thing that is wrong, as a sentence; None when all agree."""
    return _of_load(load) or _of_bill(load, counts) or _of_metrics(load, counts)


def _of_load(load: LoadResult) -> str | None:
    if load.failed:
        kind, count = max(load.failures.items(), key=lambda item: item[1])
        example = load.examples.get(kind)
        shown = f": {' '.join(example.split())[:160]}" if example else ""
        return f"{load.failed} of {load.sent} calls failed, {count} of them as {kind}{shown}"
    if not load.good:
        return "no call was answered"
    if load.usage.answers != load.good:
        return f"{load.good - load.usage.answers} of {load.good} answers stated no usage"
    return None


def _of_bill(load: LoadResult, counts: Counts) -> str | None:
    bill = counts.bill
    if bill.mismatches:
        return f"{bill.mismatches} of {bill.calls} calls reached the provider with another body than they must have"
    if bill.calls != load.good:
        return f"the provider counted {bill.calls} calls, the load {load.good} answers"
    if bill.total_tokens != load.usage.total_tokens:
        return f"the provider billed {bill.total_tokens} tokens, the answers stated {load.usage.total_tokens}"
    if counts.sent_bytes is not None and bill.bytes_in != counts.sent_bytes * bill.calls:
        return f"the provider got {bill.bytes_in} bytes of bodies, and must have got {counts.sent_bytes * bill.calls}"
    return None


def _of_metrics(load: LoadResult, counts: Counts) -> str | None:
    counted = counts.calls_by_metrics
    if counted is not None and counted != load.good:
        return f"the gateway's metrics counted {counted} calls, the load {load.good} answers"
    return None
