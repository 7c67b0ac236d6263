"""Words of a plan as people say them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATES: Final = {"unavailable": "unavailable", "rate_limited": "rate limited", "timeout": "too slow"}
_FACTS: Final = {
    "context_too_long": "the prompt is too long for it",
    "content_filtered": "it refuses the content",
    "budget_spent": "the money for it is spent",
}
BALANCES: Final = {
    "weighted": "by weight",
    "fastest": "the fastest first",
    "cheapest": "the cheapest first",
    "least_busy": "the least busy first",
}
"""How the deployments of a step share its calls."""


def conditions(when: Sequence[str]) -> str:
    """`it is unavailable or rate limited, or the prompt is too long for it`: when a fallback is tried."""
    states = [_STATES[word] for word in when if word in _STATES]
    facts = [_FACTS[word] for word in when if word in _FACTS]
    return ", or ".join([f"it is {listed(states)}", *facts] if states else facts)


def listed(words: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
