"""Who may ask for what, and where it goes: keys, aliases, deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from headgate.config import known
from headgate.config.checks.aliases import precedence
from headgate.config.sections.base import merged
from headgate.plan import document
from headgate.plan.lower import resilience
from headgate.plan.lower.providers import secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from headgate.config import sections
    from headgate.plan.lower.prices import Table


def deployment(name: str, policy: sections.Policy, places: tuple[Mapping[str, int], Table]) -> document.Deployment:
    """One deployment; its window and its price are the policy's word, else what the catalogue knows of the model."""
    section = policy.deployments[name]
    provider_at, table = places
    return document.Deployment(
        id=name,
        provider=provider_at[section.provider],
        model=section.model,
        context_tokens=known.window(section),
        capabilities=_capabilities(section),
        price=table.deployment(section, policy),
        max_concurrency=section.concurrency,
        prefill=section.prefill,
    )


def _capabilities(section: sections.Deployment) -> tuple[document.Capability, ...] | None:
    """What is stated, in the one order that a plan has."""
    stated = section.capabilities
    if stated is None:
        return None
    return tuple(each for each in get_args(document.Capability) if each in stated)


def aliases(policy: sections.Policy) -> tuple[document.Alias, ...]:
    """All aliases in the order in which they are looked at."""
    deployment_at = {name: number for number, name in enumerate(policy.deployments)}
    return tuple(_alias(name, policy, deployment_at) for name in sorted(policy.aliases, key=precedence))


def _alias(name: str, policy: sections.Policy, deployment_at: Mapping[str, int]) -> document.Alias:
    section = policy.aliases[name]
    chain = tuple(_step(number, step, deployment_at) for number, step in enumerate(section.chain))
    return document.Alias(name=name, chain=chain, resilience=resilience.lower(merged(policy.resilience, section)))


def _step(number: int, section: sections.Step, deployment_at: Mapping[str, int]) -> document.Step:
    shares = tuple(
        document.Share(deployment=deployment_at[name], weight=weight) for name, weight in section.weights.items()
    )
    return document.Step(shares=shares, balance=section.balance, when=tuple(section.when) if number else ())


def key(section: sections.Key, order: tuple[document.Alias, ...]) -> document.Key:
    """One virtual key; its aliases become positions in `order`."""
    position = {alias.name: number for number, alias in enumerate(order)}
    allowed = None if section.aliases is None else tuple(sorted(position[name] for name in section.aliases))
    return document.Key(
        name=section.name,
        secret=secret(section.secret),
        aliases=allowed,
        passthrough=section.passthrough,
        team=section.team,
        user=section.user,
        tags=tuple(section.tags),
        expires_unix_ms=None if section.expires is None else _unix_ms(section.expires),
        former=tuple(document.Former(secret(each.secret), _unix_ms(each.until)) for each in section.former),
    )


def _unix_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
