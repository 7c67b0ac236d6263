"""What a change of the plan means, in words: first for callers, then for operators.

Works on plan documents as JSON values, so that it compares plans of files as well as of policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.plan.diff import aliases, deployments, journal, keys, limits, models, prices, process, providers
from headgate.plan.diff.change import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]

__all__ = ["Change", "Document", "compare"]


def compare(before: Document, after: Document) -> list[Change]:
    """Every change, those that callers feel first."""
    return sorted(_all(before, after), key=lambda change: change.who)


def _all(before: Document, after: Document) -> Iterator[Change]:
    yield from process.callers(before, after)
    yield from journal.callers(before, after)
    yield from keys.compare(before, after)
    yield from aliases.compare(before, after)
    yield from models.compare(before, after)
    yield from limits.compare(before, after)
    yield from deployments.compare(before, after)
    yield from prices.compare(before, after)
    yield from providers.compare(before, after)
    yield from process.operators(before, after)
    yield from journal.operators(before, after)
