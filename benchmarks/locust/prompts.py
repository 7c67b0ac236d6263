"""Texts for the agents to send."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_WORDS = (
    *("canal", "gate", "water", "level", "keeper", "ledger", "season", "measure", "upstream", "bank", "stone", "lock"),
    *("drain", "field", "release", "weight", "morning", "report", "valve", "depth", "record", "channel", "reserve"),
    *("flow", "bridge", "signal", "winter", "survey", "repair", "balance", "ditch"),
)
_LONGEST = 64 << 10
_BOOK = " ".join(_WORDS[(at * at + 3 * at) % len(_WORDS)] for at in range(_LONGEST // 4))
"""One long text; a prompt is a piece of it, so that making one costs no more than a copy."""

ASSISTANT = "You look after a river gate. " + _BOOK[:1000]
"""The system prompt: about 1 KB, the same for every agent, as instructions are."""


def text(random: Random, least: int, most: int) -> str:
    """A text of `least` to `most` bytes, `most` at most 64 KiB: evenly spread over the orders of magnitude."""
    length = round(math.exp(random.uniform(math.log(least), math.log(most))))
    start = random.randrange(len(_BOOK) - length)
    return _BOOK[start : start + length]
