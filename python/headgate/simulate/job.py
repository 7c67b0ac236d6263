"""The document that Rust takes: a scenario with every default written out, for certain plans."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError
from headgate.simulate.read import check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.compile import Compiled
    from headgate.plan import Plan
    from headgate.simulate.read import Loaded
    from headgate.simulate.scenario import Call, Distribution, Provider, Rule, Scenario

WHOLE_WORLDS = 16
"""Up to so many worlds tell their timeline; of more, only the figures are kept."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beside the scenario; `None` says nothing."""

    seed: int | None = None
    seeds: int = 1
    for_ms: int | None = None
    replicas: int | None = None
    threads: int | None = None


def build(loaded: Loaded, policies: Sequence[Compiled], options: Options) -> dict[str, Any]:
    """The job. Raises `PolicyError` or `UsageError` for what does not fit together."""
    scenario = loaded.scenario
    check(loaded, [policy.plan for policy in policies])
    worlds = options.seeds * len(policies)
    return {
        "scenario": {
            "duration_ms": scenario.for_ if options.for_ms is None else options.for_ms,
            "replicas": scenario.replicas if options.replicas is None else options.replicas,
            "rate": [{"at_ms": at, "per_second": float(rate)} for at, rate in scenario.curve.items()],
            "calls": [_call(call) for call in scenario.calls] or _every_alias([policy.plan for policy in policies]),
            "providers": _providers(scenario, [policy.plan for policy in policies]),
            "random_rules": scenario.random_rules,
            "planted": None,
        },
        "seed": scenario.seed if options.seed is None else options.seed,
        "seeds": options.seeds,
        "threads": options.threads or min(len(os.sched_getaffinity(0)), worlds),
        "timeline": worlds <= WHOLE_WORLDS,
    }


def _every_alias(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """The aliases without a star that all plans have."""
    from headgate.simulate.scenario import Call

    names = [alias.name for alias in plans[0].aliases if "*" not in alias.name]
    common = [name for name in names if all(name in {alias.name for alias in plan.aliases} for plan in plans)]
    if not common:
        raise UsageError("the scenario does not say what callers ask for: write `calls: [{model: NAME}]`")
    return [_call(Call(model=name)) for name in common]


def _providers(scenario: Scenario, plans: Sequence[Plan]) -> list[dict[str, Any]]:
    from headgate.simulate.scenario import Provider

    names = dict.fromkeys(provider.id for plan in plans for provider in plan.providers)
    return [_provider(name, scenario.providers.get(name, Provider()), scenario) for name in names]


def _call(call: Call) -> dict[str, Any]:
    return {
        "model": call.model,
        "share": float(call.share),
        "stream": call.stream,
        "input_tokens": _distribution(call.input_tokens),
        "resends": call.resends,
        "patience_ms": call.patience,
        "leaves": float(call.leaves),
    }


def _provider(name: str, provider: Provider, scenario: Scenario) -> dict[str, Any]:
    return {
        "name": name,
        "ttft_ms": _distribution(provider.ttft_ms or scenario.ttft_ms),
        "gap_ms": _distribution(provider.gap_ms or scenario.gap_ms),
        "tokens": _distribution(provider.tokens or scenario.tokens),
        "capacity": provider.capacity.model_dump(),
        "rules": [_rule(rule) for rule in provider.scenario],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    match = rule.match
    return {
        "match": {
            "from_ms": match.from_,
            "until_ms": match.until,
            **{name: getattr(match, name) for name in ("model", "endpoint", "credential", "nth", "every", "first")},
            "share": None if match.share is None else float(match.share),
        },
        "fault": rule.fault,
        "ttft_ms": rule.ttft_ms and _distribution(rule.ttft_ms),
        "gap_ms": rule.gap_ms and _distribution(rule.gap_ms),
        "tokens": rule.tokens and _distribution(rule.tokens),
    }


def _distribution(distribution: Distribution) -> dict[str, Any]:
    return distribution.model_dump(exclude_none=True)
