"""Parts of the policy that are refused by name, never ignored.

The place of some is reserved until they work; others belong elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headgate.config.patterns import ANY, Pattern, fits, fits_any

if TYPE_CHECKING:
    from headgate.config.problems import Path, Report

_SECTIONS = (
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
    ("aliases", ANY, "rollout"),
    ("providers", ANY, "region"),
)

_BREAKER = (
    "a breaker belongs to what aliases share, a credential, an endpoint or a provider: set `resilience.breaker`, or "
    "`breaker` of a provider"
)
_BUDGET = (
    "the budget of retries belongs to a provider, which aliases share: set it in `resilience.retry`, or in `retry` of "
    "a provider"
)
_GUARDS = "belongs to the aliases that lead here, or to `resilience`"

ELSEWHERE: Final[tuple[tuple[Pattern, str], ...]] = (
    (("aliases", ANY, "breaker"), _BREAKER),
    (("deployments", ANY, "breaker"), _BREAKER),
    (("aliases", ANY, "retry", "budget_ratio"), _BUDGET),
    (("aliases", ANY, "retry", "budget_floor"), _BUDGET),
    *((("providers", ANY, name), _GUARDS) for name in ("timeouts", "on_disconnect", "keep_alive")),
    *((("deployments", ANY, name), _GUARDS) for name in ("timeouts", "retry", "on_disconnect", "keep_alive")),
)


def refuse(value: Any, report: Report, path: Path = ()) -> Any:  # noqa: ANN401 - any YAML value
    """The value without the parts that are refused, each of which is reported."""
    if isinstance(value, list):
        return [refuse(item, report, (*path, number)) for number, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        below = (*path, key)
        if reason := _reason(below):
            report.error(below, reason, key=True)
        else:
            kept[key] = refuse(item, report, below)
    return kept


def _reason(path: Path) -> str | None:
    if fits_any(path, LATER):
        return "not supported yet; take it out"
    return next((text for pattern, text in ELSEWHERE if fits(path, pattern)), None)
