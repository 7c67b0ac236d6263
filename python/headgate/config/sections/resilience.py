"""`resilience:` how calls are guarded: for all, and in an alias, with the same words, for its own calls."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Discriminator, Field, Tag

from headgate.config.sections.base import OneOf, Section, map_or_word, value_or_word
from headgate.config.sections.breaker import Breaker
from headgate.config.sections.retry import AliasRetry, Retry
from headgate.config.sections.timeouts import AliasTimeouts, Timeouts
from headgate.config.units import Duration, Share, Size, share_field, shares, unit_field, within

TIMEOUTS = "How long each part of a call may take."
RETRY = "How often and after what pause a call is tried again."
HEDGE = "A second try, elsewhere in the step, while the first is slow; `off`, or when it starts. It may be billed too."
ON_DISCONNECT = (
    "When the caller has left: `cancel` the call at the provider, `drain` its answer for a while to learn what it "
    "used, or `finish` it."
)
ON_CUT = (
    "When the provider cuts a stream after its first content: end it with an `error`, or `continue` it once, where it "
    "is plain text and a deployment of the step with the same model has `prefill`."
)
COALESCE = "Whether identical calls at the same time share one."
RESUME = "Whether a caller can take a stream up again with `Last-Event-ID`; `off`, or how much of it is kept."
KEEP_ALIVE = "After how long a silence within a stream its caller gets a comment; `off`, or a duration."
PRIORITY = "Who is refused first when the gateway is full: `low` before `normal`."
AFFINITY = (
    "What keeps calls at one place, for its prompt cache: nothing (`off`), their `session` (the header `x-session-id`, "
    "or `prompt_cache_key` in the body), or their `prefix` (how the prompt begins)."
)

_P95 = Annotated[Literal["p95"], OneOf(("p95",), also="a duration such as 250ms"), Tag("<word>")]
_After = Annotated[Duration, within("1ms", "10m"), Tag("<value>")]


class Hedge(Section):
    """When a second try starts, and how many there may be."""

    after: Annotated[_P95 | _After, Discriminator(value_or_word)] = Field(
        default="p95",
        description="How late the first token is: `p95` (later than 95 % of late; of streams alone), or a duration.",
    )
    max_share: Annotated[Share, shares(0.001, 0.1)] = share_field(0.02, "The most such tries, as a share of calls.")
    max_spend: Annotated[Share, shares(0.001, 1)] = share_field(
        0.01, "The most that tries cost which lost, as a share of what answers cost; where prices are known."
    )


class Resume(Section):
    """How much of a stream is kept."""

    buffer: Annotated[Size, within("4KiB", "64MiB")] = unit_field("1MiB", "The last bytes of each stream.")


def _off(also: str) -> OneOf:
    return OneOf(("off",), also=also)


HedgeOrOff = Annotated[
    Annotated[Literal["off"], _off("a map such as {after: p95}"), Tag("<word>")] | Annotated[Hedge, Tag("<map>")],
    Discriminator(map_or_word),
]
ResumeOrOff = Annotated[
    Annotated[Literal["off"], _off("a map such as {buffer: 1MiB}"), Tag("<word>")] | Annotated[Resume, Tag("<map>")],
    Discriminator(map_or_word),
]
DurationOrOff = Annotated[
    Annotated[Literal["off"], _off("a duration such as 15s"), Tag("<word>")]
    | Annotated[Duration, within("1s", "5m"), Tag("<value>")],
    Discriminator(value_or_word),
]
_OnDisconnect = Literal["cancel", "drain", "finish"]
_Affinity = Literal["off", "session", "prefix"]
OnDisconnect = Annotated[_OnDisconnect, OneOf(get_args(_OnDisconnect))]
OnCut = Annotated[Literal["error", "continue"], OneOf(("error", "continue"))]
OnOff = Annotated[Literal["off", "on"], OneOf(("off", "on"))]
Priority = Annotated[Literal["normal", "low"], OneOf(("normal", "low"))]
Affinity = Annotated[_Affinity, OneOf(get_args(_Affinity))]


class Resilience(Section):
    """How calls are guarded: those of every alias that says nothing else, and those that go through none."""

    timeouts: Timeouts = Field(default_factory=Timeouts, description=TIMEOUTS)
    retry: Retry = Field(default_factory=Retry, description=RETRY)
    breaker: Breaker = Field(
        default_factory=Breaker, description="When what is blamed for failures is left out for a while."
    )
    hedge: HedgeOrOff = Field(default="off", description=HEDGE)
    on_disconnect: OnDisconnect = Field(default="cancel", description=ON_DISCONNECT)
    on_cut: OnCut = Field(default="error", description=ON_CUT)
    coalesce: OnOff = Field(default="off", description=COALESCE)
    resume: ResumeOrOff = Field(default="off", description=RESUME)
    keep_alive: DurationOrOff = Field(default="off", description=KEEP_ALIVE)
    priority: Priority = Field(default="normal", description=PRIORITY)
    affinity: Affinity = Field(default="off", description=AFFINITY)


class AliasResilience(Section):
    """How the calls of one alias are guarded; what is absent is as in `resilience`."""

    timeouts: AliasTimeouts = Field(default_factory=AliasTimeouts, description=TIMEOUTS)
    retry: AliasRetry = Field(default_factory=AliasRetry, description=RETRY)
    hedge: HedgeOrOff | None = Field(default=None, description=HEDGE)
    on_disconnect: OnDisconnect | None = Field(default=None, description=ON_DISCONNECT)
    on_cut: OnCut | None = Field(default=None, description=ON_CUT)
    coalesce: OnOff | None = Field(default=None, description=COALESCE)
    resume: ResumeOrOff | None = Field(default=None, description=RESUME)
    keep_alive: DurationOrOff | None = Field(default=None, description=KEEP_ALIVE)
    priority: Priority | None = Field(default=None, description=PRIORITY)
    affinity: Affinity | None = Field(default=None, description=AFFINITY)
