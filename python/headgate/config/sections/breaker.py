"""Breakers: when what is blamed for failures is left out for a while.

A credential, a credential with a model, an endpoint with a model, or a provider with a model is blamed. Aliases share
these, so a breaker is set for all (`resilience.breaker`) or for a provider, never for an alias.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from headgate.config.sections.base import OneOf, Section, value_or_word
from headgate.config.units import Duration, Share, share_field, shares, unit_field, within

Count = Annotated[int, Field(ge=1, le=100_000)]
Ratio = Annotated[Share, shares(0.01, 1)]
FirstToken = Annotated[Duration, within("10ms", "7d")]
Window = Annotated[Duration, within("1s", "1h")]
OpenTime = Annotated[Duration, within("100ms", "1d")]
ProbeOrOff = Annotated[
    Annotated[Literal["off"], OneOf(("off",), also="a duration such as 10s"), Tag("<word>")]
    | Annotated[Duration, within("1s", "1h"), Tag("<value>")],
    Discriminator(value_or_word),
]

SLOW_FIRST_TOKEN = "A stream whose first token takes longer counts as slow."
SLOW_RATIO = "It opens when this share of a window's streams was slow."
CONSECUTIVE = "It opens after this many failures in a row."
RATIO = "It opens when this share of a window's calls failed."
SLOW = "When it opens for slowness."
WINDOW = "How far back the shares look; best longer than most answers take."
MIN_CALLS = "The shares count from this many calls in a window on."
OPEN = "How long it is open the first time; twice as long each time that a probe fails."
OPEN_CAP = "The longest time that it is open at once."
PROBE = (
    "While it is open, how often its endpoint is asked for its models, outside of any call: an answer lets the next "
    "call through to see; `off`, or a duration."
)


class Slow(Section):
    """What is slow, and how much of it is too much."""

    first_token: FirstToken = unit_field("20s", SLOW_FIRST_TOKEN)
    ratio: Ratio = share_field(0.8, SLOW_RATIO)


class Breaker(Section):
    """When what is blamed for failures is left out for a while."""

    consecutive: Count = Field(default=5, description=CONSECUTIVE)
    ratio: Ratio = share_field(0.5, RATIO)
    slow: Slow = Field(default_factory=Slow, description=SLOW)
    window: Window = unit_field("30s", WINDOW)
    min_calls: Count = Field(default=10, description=MIN_CALLS)
    open: OpenTime = unit_field("5s", OPEN)
    open_cap: OpenTime = unit_field("2m", OPEN_CAP)
    probe: ProbeOrOff = Field(default="off", description=PROBE)


class ProviderSlow(Section):
    """What is slow of one provider; what is absent is as in `resilience.breaker.slow`."""

    first_token: FirstToken | None = Field(default=None, description=SLOW_FIRST_TOKEN)
    ratio: Ratio | None = Field(default=None, description=SLOW_RATIO)


class ProviderBreaker(Section):
    """The breakers of one provider; what is absent is as in `resilience.breaker`."""

    consecutive: Count | None = Field(default=None, description=CONSECUTIVE)
    ratio: Ratio | None = Field(default=None, description=RATIO)
    slow: ProviderSlow | None = Field(default=None, description=SLOW)
    window: Window | None = Field(default=None, description=WINDOW)
    min_calls: Count | None = Field(default=None, description=MIN_CALLS)
    open: OpenTime | None = Field(default=None, description=OPEN)
    open_cap: OpenTime | None = Field(default=None, description=OPEN_CAP)
    probe: ProbeOrOff | None = Field(default=None, description=PROBE)
