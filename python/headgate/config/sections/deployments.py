"""`deployments:` one model at one provider, each."""

from __future__ import annotations

from pydantic import Field

from headgate.config.sections.base import ModelName, Name, Section


class Deployment(Section):
    """One model at one provider."""

    provider: Name = Field(description="A name from `providers`.")
    model: ModelName = Field(description="The provider's name of the model; `{1}` is what an alias's `*` stood for.")
    context_tokens: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000_000,
        description="How many tokens its context holds, where the catalogue cannot know.",
    )
