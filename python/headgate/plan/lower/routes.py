"""Who may ask for what, and where it goes: keys, aliases, deployments, timeouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config import catalogue
from headgate.config.checks.aliases import precedence
from headgate.plan import document
from headgate.plan.lower.providers import secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.config import sections


def deployment(name: str, policy: sections.Policy, provider_at: Mapping[str, int]) -> document.Deployment:
    """One deployment; its window is the policy's word, else what the catalogue knows of the model."""
    section = policy.deployments[name]
    known = catalogue.providers().get(section.provider)
    window = section.context_tokens or (known.context_tokens(section.model) if known else None)
    return document.Deployment(
        id=name, provider=provider_at[section.provider], model=section.model, context_tokens=window
    )


def aliases(policy: sections.Policy) -> tuple[document.Alias, ...]:
    """All aliases in the order in which they are looked at."""
    deployment_at = {name: number for number, name in enumerate(policy.deployments)}
    return tuple(_alias(name, policy, deployment_at) for name in sorted(policy.aliases, key=precedence))


def _alias(name: str, policy: sections.Policy, deployment_at: Mapping[str, int]) -> document.Alias:
    section = policy.aliases[name]
    chain = tuple(_step(number, step, deployment_at) for number, step in enumerate(section.chain))
    own = section.timeouts.model_dump(exclude_none=True)
    return document.Alias(name=name, chain=chain, timeouts=timeouts(policy.resilience.timeouts.model_copy(update=own)))


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
        name=section.name, secret=secret(section.secret), aliases=allowed, passthrough=section.passthrough
    )


def timeouts(section: sections.Timeouts) -> document.Timeouts:
    """Timeouts in milliseconds."""
    return document.Timeouts(
        connect_ms=section.connect,
        first_token_ms=section.first_token,
        idle_ms=section.idle,
        attempt_ms=section.attempt,
        total_ms=section.total,
        stream_total_ms=section.stream_total,
    )
