"""Where callers of an alias go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.config.checks.aliases import matches
from headgate.config.units import show_duration
from headgate.plan.diff.change import Change, by, for_callers

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUTS = {
    "connect_ms": "a connection for {} may take {}",
    "first_token_ms": "the first token of a stream of {} may take {}",
    "idle_ms": "a stream of {} may be silent for {}",
    "attempt_ms": "one try of a call of {} may take {}",
    "total_ms": "a call of {} that is not streamed may take {}",
    "stream_total_ms": "a stream of {} may last {}",
}


def compare(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Aliases that are new, gone, or lead elsewhere."""
    old, new = by(before["aliases"], "name"), by(after["aliases"], "name")
    for name in [name for name in new if name not in old]:
        first, *rest = (_step(step, after) for step in new[name]["chain"])
        later = f", and when that is unavailable to {_then(rest)}" if rest else ""
        yield for_callers(f"`{name}` can now be asked for: calls go first to {first}{later}")
    for name in [name for name in old if name not in new]:
        yield for_callers(f"callers of `{name}` {_instead(name, after)}")
    for name in [name for name in new if name in old]:
        yield from _chain(name, (old[name], before), (new[name], after))
        yield from timeouts(f"`{name}`", old[name]["timeouts"], new[name]["timeouts"])
    yield from timeouts("models named outright", before["timeouts"], after["timeouts"])


def _chain(
    name: str, old: tuple[dict[str, Any], dict[str, Any]], new: tuple[dict[str, Any], dict[str, Any]]
) -> Iterator[Change]:
    old_steps = [_step(step, old[1]) for step in old[0]["chain"]]
    new_steps = [_step(step, new[1]) for step in new[0]["chain"]]
    if old_steps[0] != new_steps[0]:
        yield for_callers(f"callers of `{name}` now go first to {new_steps[0]}, no longer to {old_steps[0]}")
    if old_steps[1:] != new_steps[1:]:
        now = f"now go to {_then(new_steps[1:])}" if new_steps[1:] else "now get an error at once"
        yield for_callers(f"callers of `{name}`, when the first step is unavailable, {now}")


def _then(steps: list[str]) -> str:
    return ", then to ".join(steps)


def _step(step: dict[str, Any], plan: dict[str, Any]) -> str:
    """`gpt` (gpt-5.2 at openai), with percentages where several share the calls."""
    total = sum(share["weight"] for share in step["shares"])
    parts = []
    for share in step["shares"]:
        deployment = plan["deployments"][share["deployment"]]
        provider = plan["providers"][deployment["provider"]]["id"]
        percent = f"{100 * share['weight'] / total:.3g} % to " if len(step["shares"]) > 1 else ""
        parts.append(f"{percent}`{deployment['id']}` ({deployment['model']} at {provider})")
    return ", ".join(parts)


def _instead(name: str, plan: dict[str, Any]) -> str:
    """What a call for a name that is no alias any more meets; the order is that of the data plane."""
    for alias in plan["aliases"]:
        if "*" not in name and matches(alias["name"], name):
            return f"now fall under `{alias['name']}`"
    for model in plan["models"]:
        if model["name"] == name:
            return f"now go to the model of that name at {plan['providers'][model['provider']]['id']}"
    return "are refused: 404, there is no such model"


def timeouts(subject: str, old: dict[str, int], new: dict[str, int]) -> Iterator[Change]:
    """Timeouts that differ."""
    for field, sentence in TIMEOUTS.items():
        if old[field] != new[field]:
            now = sentence.format(subject, f"{show_duration(new[field])} (was {show_duration(old[field])})")
            yield for_callers(now)
