"""Where callers of an alias go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.config.checks.aliases import matches
from headgate.plan.diff import resilience
from headgate.plan.diff.change import Change, by, for_callers
from headgate.plan.words import conditions

if TYPE_CHECKING:
    from collections.abc import Iterator


def compare(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Aliases that are new, gone, or lead elsewhere."""
    old, new = by(before["aliases"], "name"), by(after["aliases"], "name")
    for name in [name for name in new if name not in old]:
        first, *rest = new[name]["chain"]
        later = f", and {_fallbacks(rest, after)}" if rest else ""
        yield for_callers(f"`{name}` can now be asked for: calls go first to {_step(first, after)}{later}")
    for name in [name for name in old if name not in new]:
        yield for_callers(f"callers of `{name}` {_instead(name, after)}")
    for name in [name for name in new if name in old]:
        yield from _chain(name, (old[name], before), (new[name], after))
        yield from resilience.calls(f"`{name}`", old[name]["resilience"], new[name]["resilience"])
    yield from resilience.calls("models named outright", before["resilience"], after["resilience"])


def _chain(
    name: str, old: tuple[dict[str, Any], dict[str, Any]], new: tuple[dict[str, Any], dict[str, Any]]
) -> Iterator[Change]:
    was, now = _step(old[0]["chain"][0], old[1]), _step(new[0]["chain"][0], new[1])
    if was != now:
        yield for_callers(f"callers of `{name}` now go first to {now}, no longer to {was}")
    then = _fallbacks(new[0]["chain"][1:], new[1])
    if then != _fallbacks(old[0]["chain"][1:], old[1]):
        yield for_callers(f"callers of `{name}` now {then or 'get the error of the first step: there is no fallback'}")


def _fallbacks(steps: list[dict[str, Any]], plan: dict[str, Any]) -> str:
    """When and where calls go after the first step."""
    return ", then ".join(f"go, when {conditions(step['when'])}, to {_step(step, plan)}" for step in steps)


def _step(step: dict[str, Any], plan: dict[str, Any]) -> str:
    """`gpt` (gpt-5.2 at openai), with percentages or the kind of choice where several share the calls."""
    places, weights = [], [share["weight"] for share in step["shares"]]
    for share in step["shares"]:
        deployment = plan["deployments"][share["deployment"]]
        provider = plan["providers"][deployment["provider"]]["id"]
        places.append(f"`{deployment['id']}` ({deployment['model']} at {provider})")
    if len(places) == 1:
        return places[0]
    if step["balance"] == "weighted":
        percents = [f"{100 * weight / sum(weights):.3g} %" for weight in weights]
        return ", ".join(f"{percent} to {place}" for percent, place in zip(percents, places, strict=True))
    weighted = f", weighted {' to '.join(map(str, weights))}" if len(set(weights)) > 1 else ""
    return f"the {step['balance'].replace('_', ' ')} of {' and '.join(places)}{weighted}"


def _instead(name: str, plan: dict[str, Any]) -> str:
    """What a call for a name that is no alias any more meets; the order is that of the data plane."""
    for alias in plan["aliases"]:
        if "*" not in name and matches(alias["name"], name):
            return f"now fall under `{alias['name']}`"
    for model in plan["models"]:
        if model["name"] == name:
            return f"now go to the model of that name at {plan['providers'][model['provider']]['id']}"
    return "are refused: 404, there is no such model"
