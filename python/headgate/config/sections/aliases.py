"""`aliases:` what callers ask for."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag

from headgate.config.sections.base import Name, OneOf, OneOrMore, Section
from headgate.config.sections.budgets import OWN, OwnBudgets
from headgate.config.sections.limits import Places, Rates
from headgate.config.sections.resilience import AliasResilience

MOST_SHARES = 64
"""The data plane keeps in one word which of a step's deployments a call has tried."""

Weight = Annotated[int, Field(ge=1, le=1_000_000)]
_Listed = Annotated[list[Name], Field(min_length=1, max_length=MOST_SHARES), OneOrMore(), Tag("<list>")]
_Weighed = Annotated[dict[Name, Weight], Field(min_length=1, max_length=MOST_SHARES), Tag("<map>")]


def _form(value: Any) -> str:  # noqa: ANN401 - whatever YAML holds
    return "<map>" if isinstance(value, dict) else "<list>"


AnyCondition = Literal["unavailable", "rate_limited", "timeout", "context_too_long", "content_filtered", "budget_spent"]
AnyBalance = Literal["weighted", "fastest", "cheapest", "least_busy"]
Condition = Annotated[AnyCondition, OneOf(get_args(AnyCondition))]
Balance = Annotated[AnyBalance, OneOf(get_args(AnyBalance))]


class Step(Section):
    """Deployments that share the calls of one step of a chain."""

    use: Annotated[_Listed | _Weighed, Discriminator(_form)] = Field(
        description="Names from `deployments`: a list (equal shares), or a map of name to weight."
    )
    balance: Balance = Field(default="weighted", description="How they share the calls.")
    when: Annotated[list[Condition], Field(min_length=1), OneOrMore()] = Field(
        default=["unavailable", "rate_limited", "timeout"],
        description="What must have happened to the step before; not for the first step.",
    )

    @property
    def weights(self) -> dict[str, int]:
        """Deployment to weight, in the order of the policy."""
        return dict(self.use) if isinstance(self.use, dict) else dict.fromkeys(self.use, 1)


class Alias(AliasResilience, Rates):
    """A name that callers ask for, where such calls go, how they are guarded, and how many there may be."""

    chain: list[Step] = Field(min_length=1, max_length=20, description="Steps in order: a later one is a fallback.")
    concurrency: Places | None = Field(default=None, description="Calls at once.")
    budget: OwnBudgets = Field(default=[], description=OWN)
