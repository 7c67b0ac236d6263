"""`limits:` how much of what may be used, and the same words where they are about one key, team, alias, ..."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from headgate.config.sections.base import Name, OneOf, Section, text
from headgate.config.units import Duration, Usd, within

AnyDimension = Literal[
    "key", "team", "user", "agent", "session", "task", "tag", "model", "alias", "deployment", "provider"
]
Dimension = Annotated[AnyDimension, OneOf(get_args(AnyDimension))]
Mode = Annotated[Literal["enforce", "observe"], OneOf(("enforce", "observe"))]
Amount = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
Places = Annotated[int, Field(ge=1, le=1_000_000)]

PERIODS: Final = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
"""The periods of rates, in milliseconds."""
PER: Final = "What is counted apart: each of these has its own account. Absent: all calls together."
VALUE: Final = "The one that it is for; absent: each that has none of its own."
NAME: Final = "What it is called in messages and metrics; absent: what it is per. It tells two of a kind apart."
MODE: Final = "`enforce`: refuse calls; `observe`: count those that would have been."

_VALUE, _VALUE_SCHEMA = text(
    r"[^\x00-\x1f\x7f\x80-\x9f]{1,256}", "a value: 1 to 256 characters, none of them a control character"
)
Value = Annotated[str, _VALUE, _VALUE_SCHEMA]
"""Who or what a limit is for."""


class Rates(Section):
    """Requests and tokens in a while; tokens are those of prompts and answers."""

    requests_per_minute: Amount | None = Field(default=None, description="Requests a minute.")
    requests_per_hour: Amount | None = Field(default=None, description="Requests an hour.")
    requests_per_day: Amount | None = Field(default=None, description="Requests a day.")
    tokens_per_minute: Amount | None = Field(default=None, description="Tokens a minute.")
    tokens_per_hour: Amount | None = Field(default=None, description="Tokens an hour.")
    tokens_per_day: Amount | None = Field(default=None, description="Tokens a day.")


class Limit(Rates):
    """A limit, or several of one kind."""

    per: Dimension | None = Field(default=None, description=PER)
    value: Value | None = Field(default=None, description=VALUE)
    name: Name | None = Field(default=None, description=NAME)
    mode: Mode = Field(default="enforce", description=MODE)
    burst: Annotated[Duration, within("1ms", "1d")] | None = Field(
        default=None,
        description="Of rates: what comes in so long may be used at once. Absent: what comes in the whole period.",
    )
    concurrency: Places | None = Field(default=None, description="Calls at once.")
    tokens: Amount | None = Field(default=None, description="Tokens in a whole life: of a task, of a session.")
    usd: Usd | None = Field(default=None, description="US dollars in a whole life: of a task, of a session.")
    max_input_tokens: Amount | None = Field(default=None, description="Tokens of one prompt; estimated.")
    max_output_tokens: Amount | None = Field(default=None, description="Tokens that one call may ask for.")


RATES: Final = tuple(Rates.model_fields)
"""The names of all rates."""
MEASURES: Final = (*RATES, "concurrency", "tokens", "usd", "max_input_tokens", "max_output_tokens")
"""The names of all that a limit may be on."""
