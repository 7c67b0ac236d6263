"""What is known of a deployment: the policy's own word, else the catalogue's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config import catalogue, prices

if TYPE_CHECKING:
    from headgate.config.sections import Deployment, Policy


def window(deployment: Deployment) -> int | None:
    """How many tokens its context holds."""
    if deployment.context_tokens is not None:
        return deployment.context_tokens
    provider = catalogue.providers().get(deployment.provider)
    return provider.context_tokens(deployment.model) if provider else None


def is_priced(deployment: Deployment, policy: Policy) -> bool:
    """Whether something is known of what its calls cost; of a pattern that depends on the call."""
    provider = policy.providers.get(deployment.provider)
    if deployment.price is not None or (provider and provider.price is not None):
        return True
    return is_pattern(deployment) or bool(prices.of_model(deployment.provider, deployment.model))


def has_token_price(deployment: Deployment, policy: Policy) -> bool:
    """Whether it is known what its tokens cost, whatever the call."""
    provider = policy.providers.get(deployment.provider)
    said = deployment.price or (None if is_pattern(deployment) or not provider else provider.price)
    listed = prices.of_model(deployment.provider, deployment.model)
    if deployment.price is None and listed:
        return any(period.tiers for period in listed[prices.USUAL])
    return said is not None and said.input_per_million_usd is not None


def is_free(deployment: Deployment, policy: Policy) -> bool:
    """Whether it is known that its calls cost nothing, whatever the call."""
    listed = prices.of_model(deployment.provider, deployment.model)
    if deployment.price is None and listed:
        periods = [period for kind in listed.values() for period in kind]
        rates = [rate for period in periods for tier in period.tiers for rate in tier.per_million.values()]
        return not any(rates) and not any(period.audio_hour or period.call for period in periods)
    provider = policy.providers.get(deployment.provider)
    said = deployment.price or (None if is_pattern(deployment) or not provider else provider.price)
    return said is not None and not any(said.model_dump(exclude_none=True).values())


def is_pattern(deployment: Deployment) -> bool:
    """Whether its model is named by the call."""
    return "{1}" in deployment.model
