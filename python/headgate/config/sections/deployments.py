"""`deployments:` one model at one provider, each."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from headgate.config.sections.base import ModelName, Name, OneOf
from headgate.config.sections.budgets import OWN, OwnBudgets
from headgate.config.sections.limits import Rates
from headgate.config.sections.price import Price

AnyCapability = Literal["tools", "images", "audio", "files", "json_schema", "reasoning"]
Capability = Annotated[AnyCapability, OneOf(get_args(AnyCapability))]
AnyPrefill = Literal["off", "assistant", "continue_final_message", "prefix", "prefix_echo"]
Prefill = Annotated[AnyPrefill, OneOf(get_args(AnyPrefill))]


class Deployment(Rates):
    """One model at one provider. Calls that its own rates or its budget have no room for go elsewhere."""

    provider: Name = Field(description="A name from `providers`.")
    model: ModelName = Field(description="The provider's name of the model; `{1}` is what an alias's `*` stood for.")
    context_tokens: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000_000,
        description="How many tokens its context holds, where the catalogue cannot know.",
    )
    capabilities: list[Capability] | None = Field(
        default=None,
        description="What it can do besides plain text; calls that need more go elsewhere. Absent: whatever they need.",
    )
    price: Price | None = Field(
        default=None, description="What it costs, where the catalogue cannot know, or another price was agreed."
    )
    concurrency: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Calls at once for each credential of its provider; absent: as the provider's `concurrency`.",
    )
    prefill: Prefill = Field(
        default="off",
        description="How its server is asked to go on from a text, for `on_cut: continue`: a last message of the "
        "`assistant`, `continue_final_message` in the body, `prefix` in the message (`prefix_echo` where it says the "
        "text again first); `off`: it is not.",
    )
    budget: OwnBudgets = Field(default=[], description=OWN)
