"""What is said of deployments in both plans, beside where they lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.plan.diff.change import Change, by, for_callers, for_operators

if TYPE_CHECKING:
    from collections.abc import Iterator


def compare(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Windows, abilities and limits that differ."""
    old, new = by(before["deployments"], "id"), by(after["deployments"], "id")
    for name in [name for name in new if name in old]:
        was, now = old[name], new[name]
        if was["context_tokens"] != now["context_tokens"]:
            window = f"{_tokens(now)} (was {_tokens(was)})"
            yield for_operators(f"the context of `{name}` is taken to hold {window}")
        if was["capabilities"] != now["capabilities"]:
            yield for_callers(f"`{name}` gets calls that need {_abilities(now)} (was {_abilities(was)})")
        if was["max_concurrency"] != now["max_concurrency"]:
            limit = f"{_limit(now)} (was {_limit(was)})"
            yield for_operators(f"calls at once to `{name}` for each credential: {limit}")
        if was["prefill"] != now["prefill"]:
            yield for_operators(f"`{name}` {_prefill(now)} (was: {_prefill(was)})")


def _tokens(deployment: dict[str, Any]) -> str:
    tokens = deployment["context_tokens"]
    return "an unknown number of tokens" if tokens is None else f"{tokens} tokens"


def _abilities(deployment: dict[str, Any]) -> str:
    stated = deployment["capabilities"]
    if stated is None:
        return "whatever it may be"
    return f"{' or '.join(stated)} alone, besides plain text" if stated else "plain text alone"


def _limit(deployment: dict[str, Any]) -> str:
    limit = deployment["max_concurrency"]
    return "as its provider says" if limit is None else str(limit)


def _prefill(deployment: dict[str, Any]) -> str:
    form = deployment["prefill"]
    return "goes on with no cut stream" if form == "off" else f"goes on with cut streams, asked by `{form}`"
