"""What a scenario file may say."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from headgate.config.sections.base import Name, OneOrMore, Section
from headgate.config.units import Duration, within

MOST = 3_600_000
Amount = Annotated[float, Field(ge=0, le=MOST)]
PerSecond = Annotated[float, Field(ge=0, le=1_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Index = Annotated[int, Field(ge=0, le=1000)]
Nth = Annotated[int, Field(ge=1, le=1_000_000_000)]
PerMinute = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
Length = Annotated[Duration, within("1s", "7d")]
Moment = Annotated[Duration, within("0s", "7d")]


class Uniform(Section):
    """Evenly between two values."""

    low: Amount
    high: Amount


class Lognormal(Section):
    """The usual shape of latencies and lengths."""

    median: Amount = Field(description="Half of the values are below it.")
    sigma: Annotated[float, Field(ge=0, le=10)] = Field(description="Standard deviation of the logarithm.")


class Exponential(Section):
    """Without memory."""

    mean: Amount


class Distribution(Section):
    """A random quantity, in one of these forms."""

    fixed: Amount | None = Field(default=None, description="Always the same.")
    uniform: Uniform | None = Field(default=None, description="Evenly between two values.")
    lognormal: Lognormal | None = Field(default=None, description="The usual shape of latencies and lengths.")
    exponential: Exponential | None = Field(default=None, description="Without memory.")

    @model_validator(mode="after")
    def _is_one(self) -> Distribution:
        if len(self.model_fields_set) != 1:
            text = "one of `fixed`, `uniform`, `lognormal`, `exponential` is needed, such as {fixed: 20}"
            raise PydanticCustomError("distribution", text)
        if self.uniform and self.uniform.low > self.uniform.high:
            raise PydanticCustomError("distribution", "low is above high")
        return self


def lognormal(median: float, sigma: float) -> Distribution:
    """A distribution for a default."""
    return Distribution(lognormal=Lognormal(median=median, sigma=sigma))


class Match(Section):
    """Which attempts a rule is about; all conditions must hold."""

    from_: Moment = Field(default=0, alias="from", description="From when on.", json_schema_extra={"default": "0s"})
    until: Moment | None = Field(default=None, description="Until when; to the end if nothing is said.")
    model: str | None = Field(default=None, description="The provider's name of the model; `*` ends a beginning.")
    endpoint: Index | None = Field(default=None, description="The provider's endpoint, by its number from 0.")
    credential: Index | None = Field(default=None, description="The provider's credential, by its number from 0.")
    nth: Nth | None = Field(default=None, description="Only the n-th that fits the above.")
    every: Nth | None = Field(default=None, description="Each k-th.")
    first: Nth | None = Field(default=None, description="Only the first n.")
    share: Share | None = Field(default=None, description="Only this share, drawn by the seed.")

    @model_validator(mode="after")
    def _is_a_time(self) -> Match:
        if self.until is not None and self.until <= self.from_:
            raise PydanticCustomError("time", "it ends before it begins: `until` is not after `from`")
        return self


class Rule(Section):
    """What becomes of some attempts. The first rule that fits counts."""

    match: Match = Field(default_factory=Match, description="Which; all of them if nothing is said.")
    fault: str | None = Field(default=None, description="Faults as `GET /faults` of the simulated provider names them.")
    ttft_ms: Distribution | None = Field(default=None, description="Another time to the first token.")
    gap_ms: Distribution | None = Field(default=None, description="Another time between tokens.")
    tokens: Distribution | None = Field(default=None, description="Another length of answers.")

    @model_validator(mode="after")
    def _does_something(self) -> Rule:
        if not self.model_fields_set & {"fault", "ttft_ms", "gap_ms", "tokens"}:
            raise PydanticCustomError("rule", "it changes nothing: write a `fault`, `ttft_ms`, `gap_ms` or `tokens`")
        return self


class Capacity(Section):
    """What a provider can do; whatever comes, if nothing is said."""

    concurrency: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="Attempts that it serves at once."
    )
    queue: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, description="Attempts that wait beyond that; the rest is answered 529."
    )
    requests_per_minute: PerMinute | None = Field(
        default=None, description="Of one credential, evenly; more are answered 429. 10 s worth may come at once."
    )
    tokens_per_minute: PerMinute | None = Field(default=None, description="The same of prompts and answers together.")
    retry_after: bool = Field(default=True, description="Whether such a 429 says how long to wait.")


class Provider(Section):
    """How a provider is; what is absent is as at the top of the scenario."""

    ttft_ms: Distribution | None = Field(default=None, description="Time to the first token.")
    gap_ms: Distribution | None = Field(default=None, description="Time between tokens.")
    tokens: Distribution | None = Field(default=None, description="Length of answers.")
    capacity: Capacity = Field(default_factory=Capacity, description="What it can do.")
    scenario: list[Rule] = Field(default=[], max_length=1000, description="Faults, by rule.")


class Call(Section):
    """What some callers want, and how they behave."""

    model: str = Field(min_length=1, max_length=256, description="What they ask for.")
    share: Annotated[float, Field(ge=0.001, le=1_000_000)] = Field(
        default=1, description="Their share, beside the others'."
    )
    stream: bool = Field(default=True, description="Whether they ask for a stream.")
    input_tokens: Distribution = Field(default=lognormal(800, 0.8), description="How long their prompts are.")
    resends: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0,
        description="How often their library sends a failed call again, where the gateway does not advise against.",
    )
    patience: Length | None = Field(default=None, description="After so long they leave.")
    leaves: Share = Field(default=0, description="This share leaves in the middle, for no reason.")


def _form(value: Any) -> str:  # noqa: ANN401 - whatever YAML holds
    return "<map>" if isinstance(value, dict) else "<value>"


Curve = Annotated[
    Annotated[PerSecond, Tag("<value>")] | Annotated[dict[Moment, PerSecond], Field(min_length=1), Tag("<map>")],
    Discriminator(_form),
]


class Scenario(Section):
    """Callers, providers and faults over some time."""

    version: Literal[1] = Field(default=1, description="The version of this form.")
    for_: Length = Field(
        default=300_000, alias="for", description="How long callers come.", json_schema_extra={"default": "5m"}
    )
    rate: Curve = Field(
        default=50,
        description="Callers a second: a number, or a map of moments to numbers with straight lines between.",
    )
    replicas: Annotated[int, Field(ge=1, le=1000)] = Field(default=1, description="Gateways, each with its own state.")
    seed: Annotated[int, Field(ge=0, le=2**63)] = Field(default=1, description="One seed, one history.")
    calls: list[Call] = Field(
        default=[], max_length=1000, description="What callers want; every alias without a star, if nothing is said."
    )
    ttft_ms: Distribution = Field(default=lognormal(400, 0.5), description="Time to the first token.")
    gap_ms: Distribution = Field(
        default=Distribution(exponential=Exponential(mean=20)), description="Time between tokens."
    )
    tokens: Distribution = Field(default=lognormal(200, 0.6), description="Length of answers.")
    providers: dict[Name, Provider] = Field(default={}, description="Providers of the policy that are not as above.")
    random_rules: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0, description="So many more rules, drawn by the seed, for any provider."
    )
    expect: Annotated[list[str], OneOrMore()] = Field(
        default=[], description="What each world must keep, such as `goodput>=99%`; else `simulate` exits with 99."
    )

    @property
    def curve(self) -> dict[int, float]:
        """Moments in milliseconds to callers a second."""
        return dict(sorted(self.rate.items())) if isinstance(self.rate, dict) else {0: self.rate}
