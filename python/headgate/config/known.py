"""What is known of a deployment: the policy's own word, else the catalogue's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config import catalogue

if TYPE_CHECKING:
    from headgate.config.sections import Deployment


def window(deployment: Deployment) -> int | None:
    """How many tokens its context holds."""
    if deployment.context_tokens is not None:
        return deployment.context_tokens
    provider = catalogue.providers().get(deployment.provider)
    return provider.context_tokens(deployment.model) if provider else None


def price(deployment: Deployment) -> tuple[int, int] | None:
    """What a million tokens of the prompt and of the answer cost, in nano-dollars."""
    if deployment.price is not None:
        return deployment.price.input_per_million_usd, deployment.price.output_per_million_usd
    provider = catalogue.providers().get(deployment.provider)
    return provider.price(deployment.model) if provider else None
