"""How much of what may be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.plan.diff.change import Change, for_callers, for_operators
from headgate.plan.limits import describe, whose

if TYPE_CHECKING:
    from collections.abc import Iterator

_Side = tuple[dict[tuple[str, str | None], dict[str, Any]], dict[str, Any]]
"""Limits or budgets by id and value, and the plan that they are of."""


def compare(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Limits and budgets that are new, gone or changed; who is behind a call."""
    for section in ("limits", "budgets"):
        yield from _changed((_by_id(before[section]), before), (_by_id(after[section]), after))
    yield from _identity(before["identity"], after["identity"])
    for number in {grant["approval"] for grant in after["grants"]} - {grant["approval"] for grant in before["grants"]}:
        yield for_callers(f"more is granted under {number}")


def _changed(before: _Side, after: _Side) -> Iterator[Change]:
    (old, old_plan), (new, new_plan) = before, after
    for each in [each for each in new if each not in old]:
        yield for_callers(f"{whose(new[each])}: now {describe(new[each], new_plan)}")
    for each in [each for each in old if each not in new]:
        yield for_callers(f"{whose(old[each])}: no longer {describe(old[each], old_plan)}")
    for each in [each for each in new if each in old]:
        was, now = describe(old[each], old_plan), describe(new[each], new_plan)
        if was != now:
            yield for_callers(f"{whose(new[each])}: now {now} (was {was})")


def _identity(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for field in ("user", "agent", "session", "task", "tags"):
        now = after[field]
        if before[field] != now:
            yield for_callers(f"the {field} of a call is {_sources(now)}")
    for field, text in (("most_values", "values of a limit are counted apart"), ("forget_ms", "ms without a call")):
        was, now = before[field], after[field]
        if was != now:
            yield for_operators(f"limits: {now} {text} (was {was})")


def _by_id(items: list[dict[str, Any]]) -> dict[tuple[str, str | None], dict[str, Any]]:
    return {(item["id"], item["value"]): item for item in items}


def _sources(sources: list[Any]) -> str:
    names = [
        "`user` in the body" if source == "body_user" else f"the header `{source['header']}`" for source in sources
    ]
    return " or ".join(names) or "not known any more"
