"""What is out of the ordinary: rules, and no more. Pure: numbers in, a finding or nothing out.

Each compares with what was ordinary for the same task's agent, or the same key, and says nothing before it knows what
that is: a cold start raises no alarm. Neither rule is moved much by a few odd values in what it learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMES_MEAN: Final = 3
"""A task is out of the ordinary above so many times the mean of the others."""
LEAST_TASKS: Final = 20
"""Other tasks that must be known before one can be out of the ordinary."""
LEAST_TOKENS: Final = 10_000
"""A task below is never worth an alarm."""

LEAST_HOURS: Final = 24
"""Hours with spend that must be known of a key before another can be out of the ordinary."""
LEAST_CALLS: Final = 20
"""Calls that an hour must have: one large call is no rate."""
LEAST_NANO_USD: Final = 1_000_000_000
"""An hour below a dollar is never worth an alarm."""
TIMES_MEDIAN: Final = 3
DEVIATIONS: Final = 8
"""An hour is out of the ordinary above so many times the median, and above it by so many median deviations.

Eight median absolute deviations are 5.4 standard deviations where values are normal (1 to 0.6745); spend is not, so the
multiple of the median must be passed as well.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was measured, above which value it is out of the ordinary, and what is ordinary."""

    measured: int
    limit: int
    ordinary: int


def task_tokens(tokens: int, others: int, others_tokens: int) -> Finding | None:
    """Whether a task used more than three times what the others did on average; `others` is how many those are."""
    if others < LEAST_TASKS or tokens < LEAST_TOKENS or tokens * others <= TIMES_MEAN * others_tokens:
        return None
    return Finding(tokens, TIMES_MEAN * others_tokens // others, others_tokens // others)


def spend_rate(nano_usd: int, calls: int, history: Sequence[int]) -> Finding | None:
    """Whether an hour costs far more than those of `history`, hours of the same key in which it spent anything."""
    if len(history) < LEAST_HOURS or calls < LEAST_CALLS or nano_usd < LEAST_NANO_USD:
        return None
    limit, ordinary = spend_limit(history)
    return Finding(nano_usd, limit, ordinary) if nano_usd > limit else None


def spend_limit(history: Sequence[int]) -> tuple[int, int]:
    """Above which spend an hour is out of the ordinary, and the median."""
    middle = median(history)
    deviation = median(abs(value - middle) for value in history)
    return round(max(TIMES_MEDIAN * middle, middle + DEVIATIONS * deviation)), round(middle)
