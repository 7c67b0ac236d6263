"""`aliases:` what callers ask for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from headgate.config.sections.base import Name, OneOrMore, Section, one_of
from headgate.config.sections.timeouts import AliasTimeouts

Weight = Annotated[int, Field(ge=1, le=1_000_000)]
_Listed = Annotated[list[Name], Field(min_length=1, max_length=1000), OneOrMore(), Tag("<list>")]
_Weighed = Annotated[dict[Name, Weight], Field(min_length=1, max_length=1000), Tag("<map>")]


def _form(value: Any) -> str:  # noqa: ANN401 - whatever YAML holds
    return "<map>" if isinstance(value, dict) else "<list>"


Condition = Annotated[
    Literal["unavailable"], one_of(("unavailable",), later=("rate_limited", "context_too_long", "content_filtered"))
]


class Step(Section):
    """Deployments that share the calls of one step of a chain."""

    use: Annotated[_Listed | _Weighed, Discriminator(_form)] = Field(
        description="Names from `deployments`: a list (equal shares), or a map of name to weight."
    )
    balance: Annotated[Literal["weighted"], one_of(("weighted",), later=("fastest", "cheapest", "least_busy"))] = Field(
        default="weighted", description="How they share the calls."
    )
    when: Annotated[list[Condition], Field(min_length=1), OneOrMore()] = Field(
        default=["unavailable"], description="What must have happened to the step before; not for the first step."
    )

    @property
    def weights(self) -> dict[str, int]:
        """Deployment to weight, in the order of the policy."""
        return dict(self.use) if isinstance(self.use, dict) else dict.fromkeys(self.use, 1)


class Alias(Section):
    """A name that callers ask for, and where such calls go."""

    chain: list[Step] = Field(min_length=1, max_length=20, description="Steps in order: a later one is a fallback.")
    timeouts: AliasTimeouts = Field(default_factory=AliasTimeouts, description="Timeouts of its calls.")
