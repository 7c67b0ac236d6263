"""The limits that a call would meet, as lines for people: a part of `explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.plan.limits import describe

if TYPE_CHECKING:
    from collections.abc import Iterator


def limits(answer: dict[str, Any], plan: dict[str, Any]) -> Iterator[str]:
    """The lines, from an answer of `explain`; none where the policy limits nothing and says nothing of who calls."""
    if "error" in answer:
        return
    if said := [f"{name} `{value}`" for name, value in (answer["identity"] or {}).items() if isinstance(value, str)]:
        yield f"behind the call: {', '.join(said)}"
    if tags := (answer["identity"] or {}).get("tags"):
        yield f"tagged {', '.join(tags)}"
    met = [_line(each, plan) for each in answer["limits"]]
    if met:
        yield "limits, from a fresh start (/stats has what is used):"
        yield from (f"  {line}" for line in met)
    for step in answer["steps"]:
        for place in step["places"]:
            for each in place["limits"]:
                yield f"{place['deployment'] or place['provider']} is passed over beyond {_line(each, plan)}"
    unmet = _unmet(answer, plan)
    if unmet:
        yield f"not met, since the call says no {' and no '.join(unmet)}"


def headers_read(plan: dict[str, Any]) -> set[str]:
    """The headers that a plan looks at to know who is behind a call."""
    sources = [source for part in plan["identity"].values() if isinstance(part, list) for source in part]
    return {source["header"] for source in sources if isinstance(source, dict)}


def _line(met: dict[str, Any], plan: dict[str, Any]) -> str:
    rule = _rules(plan)[met["rule"]]
    of = f" of {rule['per']} `{met['value']}`" if rule["per"] and met["value"] is not None else ""
    return f"{describe(rule, plan)}{of} ({rule['id']})"


def _rules(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [*plan["limits"], *plan["budgets"]]


def _unmet(answer: dict[str, Any], plan: dict[str, Any]) -> list[str]:
    """What the policy limits by and the call does not say."""
    identity = answer["identity"] or {}
    said = {name for name, value in identity.items() if value} | ({"tag"} if identity.get("tags") else set())
    asked = {rule["per"] for rule in _rules(plan) if rule["value"] is None}
    return sorted(asked & {"user", "agent", "session", "task", "tag"} - said)
