"""Limits and budgets of a plan in words."""

from __future__ import annotations

from typing import Any, Final

from headgate.config.units import show_duration, show_share, show_usd

_PERIODS: Final = {60_000: "a minute", 3_600_000: "an hour", 86_400_000: "a day"}
_COUNTED: Final = {
    "concurrency": "calls at once",
    "total_tokens": "tokens in all",
    "input_tokens": "tokens in one prompt",
    "output_tokens": "tokens asked for by one call",
}


def whose(limit: dict[str, Any]) -> str:
    """`each user`, `the key `ci``, `all calls`."""
    if limit["per"] is None:
        return "all calls"
    return f"each {limit['per']}" if limit["value"] is None else f"the {limit['per']} `{limit['value']}`"


def describe(limit: dict[str, Any], plan: dict[str, Any]) -> str:
    """`60 requests a minute`, `$50 in a day (UTC), then to `cheap``."""
    text = _budget(limit, plan) if "nano_usd" in limit else _measure(limit["measure"])
    return text if limit["enforce"] else f"{text} (only observed)"


def _measure(measure: dict[str, Any]) -> str:
    kind, amount = next(iter(measure.items()))
    if kind in ("requests", "tokens"):
        per, burst = amount["per_ms"], amount["burst_ms"]
        at_once = f", those of {show_duration(burst)} at once" if burst != per else ""
        return f"{amount['amount']} {kind} {_PERIODS.get(per, f'in {show_duration(per)}')}{at_once}"
    return f"{show_usd(amount)} in all" if kind == "total_nano_usd" else f"{amount} {_COUNTED[kind]}"


def _budget(budget: dict[str, Any], plan: dict[str, Any]) -> str:
    window, spent = budget["window"], budget["when_spent"]
    if isinstance(window, dict):
        words = f"in any {show_duration(window['rolling_ms'])}"
    else:
        words = (
            "in all"
            if window == "lifetime"
            else f"in a{'n' if window == 'hour' else ''} {window} ({budget['time_zone']})"
        )
    shares = " and ".join(show_share(permille) for permille in budget["warn_permille"])
    warned = f", with a warning at {shares}" if shares else ""
    if isinstance(spent, dict):
        then = f", then calls go to `{plan['aliases'][spent['use']]['name']}`"
    else:
        then = ", then calls ask for an approval" if spent == "ask" else ""
    return f"{show_usd(budget['nano_usd'])} {words}{warned}{then}"
