"""What is summed up, in the order of the columns."""

from __future__ import annotations

from typing import Final

from headgate.ledger.entries import CLASSES

OF_CALLS: Final = ("calls", "errors", "refused", "left", "took_ms")
"""Calls; of these, those without a good answer; of these, refused by us, left by their caller; how long they took."""

OF_ATTEMPTS: Final = (
    "attempts",
    "retries",
    "hedges",
    *CLASSES,
    "nano_usd",
    "retry_nano_usd",
    "hedge_nano_usd",
    "counted",
    "counted_nano_usd",
    "reserved",
    "reserved_nano_usd",
    "unpriced",
    "unsettled",
    "unsettled_nano_usd",
    "void",
)
"""Attempts; of these, second tries, and those sent beside an open one; usage by class; money.

Of the money: what went to attempts that a second try had to make good, and what went to hedges beside the one that
served. `counted`: attempts that were settled by our own count, and their money; `reserved`: by what was reserved, as a
killed process took the rest with it. `unpriced`: attempts that used
something whose price is not known. `unsettled`: attempts of which nothing more was heard, and what was reserved for
them. `void`: attempts in which the provider made nothing that it bills.
"""

COUNTERS: Final = (*OF_CALLS, *OF_ATTEMPTS)

Sums = dict[str, int]
"""Counters that are not zero, by name."""
