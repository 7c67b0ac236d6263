"""Parts of the policy whose place is reserved: refused by name until they work, never ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headgate.config.patterns import ANY, Pattern, fits_any

if TYPE_CHECKING:
    from headgate.config.problems import Path, Report

_LIMITS = (
    "requests_per_minute",
    "tokens_per_minute",
    "requests_per_day",
    "tokens_per_day",
    "concurrency",
    "budget",
)
_RESILIENCE = (
    "retry",
    "breaker",
    "hedge",
    "on_disconnect",
    "on_cut",
    "coalesce",
    "resume",
    "keep_alive",
    "priority",
)
_SECTIONS = (
    "teams",
    "identity",
    "limits",
    "budgets",
    "journal",
    "ledger",
    "telemetry",
    "alerts",
    "hooks",
    "rollouts",
    "guardrails",
    "tools",
    "cache",
    "agents",
    "fleet",
    "admin",
)

LATER: Final[tuple[Pattern, ...]] = (
    *((name,) for name in _SECTIONS),
    ("listen", "admin"),
    *(("resilience", name) for name in _RESILIENCE),
    *(("aliases", ANY, name) for name in (*_RESILIENCE, *_LIMITS, "rollout")),
    *(("deployments", ANY, name) for name in (*_LIMITS, "price", "capabilities")),
    *(("providers", ANY, name) for name in (*_LIMITS, "price", "region")),
    *(("keys", ANY, name) for name in (*_LIMITS, "team", "user", "tags", "expires")),
)


def refuse(value: Any, report: Report, path: Path = ()) -> Any:  # noqa: ANN401 - any YAML value
    """The value without its reserved parts, each of which is reported."""
    if isinstance(value, list):
        return [refuse(item, report, (*path, number)) for number, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        below = (*path, key)
        if fits_any(below, LATER):
            report.error(below, "not supported yet; take it out", key=True)
        else:
            kept[key] = refuse(item, report, below)
    return kept
