"""What the load engine is told: the twin of `Spec` in `rust/load`, which refuses a missing and an unknown field.

All defaults stand here; what is written holds every field. `headers` hold credentials and stay out of every `repr`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _written(text: str) -> str:
    """A text that the engine can be told: JSON and a command line can hold halves of characters, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a character") from None
    return text


Text = Annotated[str, AfterValidator(_written)]
Headers = list[tuple[Text, Text]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Call(_Part):
    """One request: a path that is appended to the base URL, and the bytes of its body as a string."""

    path: Text
    body: Text
    headers: Headers = Field(default=[], repr=False)
    at_ms: float | None = Field(default=None, ge=0, description="When it is sent, in a trace; from the load's start.")


class Same(_Part):
    """The same call each time."""

    kind: Literal["same"] = "same"
    call: Call


class Each(_Part):
    """Calls in turn, from the first again after the last; in a trace, each at its time."""

    kind: Literal["each"] = "each"
    calls: list[Call] = Field(min_length=1)


class Conversation(_Part):
    """Chats: each turn sends all that was said before, so that the prompt grows; after `turns` a new one starts."""

    kind: Literal["conversation"] = "conversation"
    path: Text = "/chat/completions"
    model: Text
    system: Text = "You are a helpful assistant."
    prompt_bytes: int = Field(default=400, ge=1, description="What the user says in each turn.")
    turns: int = Field(default=8, ge=1)
    stream: bool = False
    max_tokens: int | None = Field(default=None, ge=1)


class Closed(_Part):
    """So many callers, each of which calls again when it has its answer."""

    kind: Literal["closed"] = "closed"
    connections: int = Field(ge=1)


class Constant(_Part):
    """Evenly spaced starts, whatever the answers do."""

    kind: Literal["constant"] = "constant"
    per_second: float = Field(gt=0)


class Poisson(_Part):
    """Starts without memory, as many independent callers make them."""

    kind: Literal["poisson"] = "poisson"
    per_second: float = Field(gt=0)


class Ramp(_Part):
    """A rate that changes evenly from the first to the second over the load's duration."""

    kind: Literal["ramp"] = "ramp"
    from_per_second: float = Field(ge=0)
    to_per_second: float = Field(ge=0)


class Trace(_Part):
    """Each call at its `at_ms`, divided by `speed`."""

    kind: Literal["trace"] = "trace"
    speed: float = Field(default=1.0, gt=0)


class Users(_Part):
    """Users who call, read, think for a time drawn from an exponential distribution, and call again."""

    kind: Literal["users"] = "users"
    users: int = Field(ge=1)
    think_ms: float = Field(ge=0, description="The mean.")


Calls = Annotated[Same | Each | Conversation, Field(discriminator="kind")]
Arrivals = Annotated[Closed | Constant | Poisson | Ramp | Trace | Users, Field(discriminator="kind")]


class Expect(_Part):
    """What a good answer is, beyond sound framing; None asks nothing."""

    status: int | None = Field(default=None, ge=100, le=599, description="Without one, any 2xx is good.")
    body: Text | None = Field(default=None, description="All bytes of the answer or of the stream; stamps are ignored.")
    text: Text | None = Field(default=None, description="The message's text, joined where it came in pieces.")
    frames: int | None = Field(
        default=None, ge=0, description="Events of a stream that have data, `[DONE]` not counted."
    )
    total_tokens: int | None = Field(default=None, ge=0, description="`usage.total_tokens` of the answer.")


class Spec(_Part):
    """One load."""

    url: Text = Field(description="The base, such as `http://127.0.0.1:8080/v1`; http or https.")
    headers: Headers = Field(default=[], repr=False, description="Of every call.")
    calls: Calls
    arrivals: Arrivals
    duration_ms: int = Field(
        ge=1, description="Calls are started before this end; open ones may end within the timeout."
    )
    warmup_ms: int = Field(default=0, ge=0, description="The same load before it, not counted.")
    max_connections: int = Field(default=1024, ge=1, description="A call that finds none free waits; its clock runs.")
    timeout_ms: int = Field(default=60_000, ge=1, description="Of one call, from its actual start.")
    threads: int = Field(default=1, ge=1, le=64, description="Each with its own event loop and its share of the load.")
    seed: int = Field(default=1, ge=0)
    ca_file: Text | None = Field(default=None, description="Certificates trusted beside the system's, PEM.")
    verify: bool = Field(default=True, description="False: any certificate will do.")
    expect: Expect = Expect()
    series_ms: int = Field(default=1000, ge=10, description="Step of the time series.")

    def document(self) -> dict[str, Any]:
        """The spec as the engine reads it: a JSON object with every field."""
        return self.model_dump()
