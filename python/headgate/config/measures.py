"""Limits and budgets of a policy as one list, wherever they are written, and the ids under which they are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headgate.config.sections.limits import MEASURES, PERIODS, RATES
from headgate.config.units import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from headgate.config.problems import Path
    from headgate.config.sections import Budget, Limit, OwnBudget, Policy, Rates
    from headgate.config.sections.limits import AnyDimension

OWN_DIMENSIONS: Final[dict[str, AnyDimension]] = {
    "teams": "team",
    "aliases": "alias",
    "deployments": "deployment",
    "providers": "provider",
}
"""The sections whose entries may have limits of their own, and what they are."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of a limit. `id` is what it is counted under: it names no value, and stays when the number changes."""

    id: str
    per: AnyDimension | None
    value: str | None
    measure: str
    amount: int
    burst_ms: int | None
    enforce: bool
    path: Path

    @property
    def period_ms(self) -> int:
        """Of a rate: its period."""
        return PERIODS[self.measure.rpartition("_")[2]]

    @property
    def unit(self) -> Literal["requests", "tokens"]:
        """Of a rate: what it counts."""
        return "requests" if self.measure.startswith("requests") else "tokens"


@dataclass(frozen=True, slots=True)
class Spending:
    """One budget; `id` is as that of a limit."""

    id: str
    per: AnyDimension | None
    value: str | None
    budget: OwnBudget
    path: Path


def limits(policy: Policy) -> Iterator[Measured]:
    """Every number of every limit: those of `limits`, then those that stand where they belong."""
    for number, limit in enumerate(policy.limits):
        yield from _of_limit(limit, ("limits", number))
    for number, key in enumerate(policy.keys):
        yield from _own(key, "key", key.name, ("keys", number), (*RATES, "concurrency"))
    for section, dimension in OWN_DIMENSIONS.items():
        # The concurrency of a deployment or a provider is that of each credential, which is no limit of callers.
        names = (*RATES, "concurrency") if section in ("teams", "aliases") else RATES
        for name, part in getattr(policy, section).items():
            yield from _own(part, dimension, name, (section, name), names)


def budgets(policy: Policy) -> Iterator[Spending]:
    """Every budget, likewise."""
    for number, each in enumerate(policy.budgets):
        prefix = each.name or each.per
        yield Spending(_spending_id(prefix, each), each.per, each.value, each, ("budgets", number))
    parts: list[tuple[AnyDimension, str, list[OwnBudget], Path]]
    parts = [("key", key.name, key.budget, ("keys", number)) for number, key in enumerate(policy.keys)]
    for section, dimension in OWN_DIMENSIONS.items():
        parts += [(dimension, name, part.budget, (section, name)) for name, part in getattr(policy, section).items()]
    for dimension, name, own, path in parts:
        for number, budget in enumerate(own):
            at: Path = (*path, "budget", number) if len(own) > 1 else (*path, "budget")
            yield Spending(_spending_id(dimension, budget), dimension, name, budget, at)


def window(budget: OwnBudget) -> str:
    """`day`, `7d` of a window that rolls, or `life`."""
    if isinstance(budget.window, str):
        return {"lifetime": "life"}.get(budget.window, budget.window)
    return show_duration(budget.window.rolling)


def _of_limit(limit: Limit, path: Path) -> Iterator[Measured]:
    prefix = limit.name or limit.per
    for measure in MEASURES:
        amount = getattr(limit, measure)
        if amount is not None:
            burst_ms = limit.burst if measure in RATES else None
            enforce = limit.mode == "enforce"
            id_ = _id(prefix, measure)
            yield Measured(id_, limit.per, limit.value, measure, amount, burst_ms, enforce, (*path, measure))


def _own(part: Rates, dimension: AnyDimension, name: str, path: Path, measures: tuple[str, ...]) -> Iterator[Measured]:
    for measure in measures:
        amount = getattr(part, measure)
        if amount is not None:
            id_ = _id(dimension, measure)
            yield Measured(id_, dimension, name, measure, amount, burst_ms=None, enforce=True, path=(*path, measure))


def _spending_id(prefix: str | None, budget: OwnBudget | Budget) -> str:
    return _id(prefix, f"usd_per_{window(budget)}")


def _id(prefix: str | None, measure: str) -> str:
    return f"{prefix}.{measure}" if prefix else measure
