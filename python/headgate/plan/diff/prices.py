"""What calls are taken to cost, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.config.units import show_usd
from headgate.plan.diff.change import Change, by, for_operators

if TYPE_CHECKING:
    from collections.abc import Iterator

Price = dict[str, Any] | None


def compare(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Prices of deployments, and of models named outright, that differ."""
    old, new = by(before["deployments"], "id"), by(after["deployments"], "id")
    for name in [name for name in new if name in old]:
        was, now = _price(before, old[name]["price"]), _price(after, new[name]["price"])
        if was != now:
            yield for_operators(f"`{name}` is taken to cost {shown(now)} (was {shown(was)})")
    old, new = by(before["providers"], "id"), by(after["providers"], "id")
    for name in [name for name in new if name in old]:
        was, now = _price(before, old[name]["price"]), _price(after, new[name]["price"])
        if was != now:
            text = f"models of `{name}` whose price is not known are taken to cost {shown(now)} (was {shown(was)})"
            yield for_operators(text)
        was_listed, now_listed = _listed(before, old[name]), _listed(after, new[name])
        differ = sorted(model for model in was_listed | now_listed if was_listed.get(model) != now_listed.get(model))
        if differ:
            more = f" and {len(differ) - 3} more" if len(differ) > 3 else ""
            names = ", ".join(f"`{model}`" for model in differ[:3])
            yield for_operators(f"at `{name}` other prices are known for {names}{more}")


def shown(price: Price) -> str:
    """A price in words: that of a plain, short call, and what else there is to it."""
    if price is None:
        return "an unknown amount"
    period = price["usual"][0]
    parts = []
    if period["tiers"]:
        rates = period["tiers"][0]["nano_usd_per_million"]
        parts.append(
            f"{show_usd(rates['input'])} for a million tokens of prompt and {show_usd(rates['output'])} of answer"
        )
    if period["audio_hour_nano_usd"] is not None:
        parts.append(f"{show_usd(period['audio_hour_nano_usd'])} for an hour of sound")
    if period["call_nano_usd"]:
        parts.append(f"{show_usd(period['call_nano_usd'])} for each call")
    text = ", ".join(parts) or "an unknown amount"
    return text + "".join(f", {word}" for word in more(price))


def more(price: dict[str, Any]) -> Iterator[str]:
    """What a price depends on besides the kinds of tokens."""
    period = price["usual"][0]
    if len(period["tiers"]) > 1:
        bounds = " and ".join(str(tier["above_tokens"]) for tier in period["tiers"][1:])
        yield f"more above {bounds} tokens of prompt"
    if price["service_tiers"]:
        yield f"other prices for {' and '.join(sorted(price['service_tiers']))}"
    if any(each["daily"] for each in price["usual"]):
        yield "other prices at some times of the day"
    if any(each["from_unix_s"] for each in price["usual"]):
        yield "another price from a known date on"


def _price(plan: dict[str, Any], index: int | None) -> Price:
    price: Price = None if index is None else plan["prices"][index]
    return price


def _listed(plan: dict[str, Any], provider: dict[str, Any]) -> dict[str, Price]:
    return {model: _price(plan, index) for model, index in provider["prices"].items()}
