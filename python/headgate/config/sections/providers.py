"""`providers:` who answers calls."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from headgate.config.addresses import EndpointUrl
from headgate.config.secrets import SecretRef
from headgate.config.sections.base import OneOf, OneOrMore
from headgate.config.sections.breaker import ProviderBreaker
from headgate.config.sections.budgets import OWN, OwnBudgets
from headgate.config.sections.limits import Rates
from headgate.config.sections.price import Price
from headgate.config.sections.retry import ProviderRetry

_OWN = {
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "host",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "content-type",
    "content-encoding",
    "accept-encoding",
    "expect",
    "proxy-connection",
    "date",
    "via",
    "forwarded",
    "x-forwarded-for",
}
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[!-~]([\t -~]*[!-~])?")


def _header_lines(headers: dict[str, str]) -> dict[str, str]:
    low = {name.lower(): value.strip(" \t") for name, value in headers.items()}
    for name, value in low.items():
        if name in _OWN or name.startswith("headgate-"):
            raise PydanticCustomError("header", "`{name}` is set by the gateway itself", {"name": name})
        if not _NAME.fullmatch(name):
            raise PydanticCustomError("header", "`{name}` is not the name of a header", {"name": name[:60]})
        if not _VALUE.fullmatch(value):
            raise PydanticCustomError(
                "header", "the value of `{name}` is empty or cannot stand in a header", {"name": name}
            )
    if len(low) < len(headers):
        raise PydanticCustomError("header", "two names differ in case alone")
    return low


class Provider(Rates):
    """Who answers calls. For a provider that the catalogue knows, a credential is all that is needed."""

    credential: Annotated[list[SecretRef], OneOrMore()] = Field(
        default=[], description="What we show it: one, or a list; each has its own health."
    )
    dialect: (
        Annotated[Literal["openai"], OneOf(("openai",), later=("anthropic", "gemini", "bedrock", "cohere"))] | None
    ) = Field(
        default=None, description="The family of wire formats it speaks; the catalogue knows it for known providers."
    )
    endpoints: Annotated[list[EndpointUrl], OneOrMore()] | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="Its addresses up to what stands before `/chat/completions`: http://host:8000/v1, unix:/path:/v1.",
    )
    headers: Annotated[dict[str, str], AfterValidator(_header_lines)] = Field(
        default={}, description="More header lines for each call. No secrets: they belong into `credential`."
    )
    http: Annotated[Literal["auto", "1", "2"], OneOf(("auto", "1", "2"))] = Field(
        default="auto", description="Versions of HTTP: `auto` (what TLS settles, else 1), `1` or `2`."
    )
    breaker: ProviderBreaker = Field(
        default_factory=ProviderBreaker, description="Its own breakers; the rest is as in `resilience.breaker`."
    )
    retry: ProviderRetry = Field(
        default_factory=ProviderRetry, description="Its own budget of retries; the rest is as in `resilience.retry`."
    )
    concurrency: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Calls at once for each credential and model; fewer while it answers that there are too many.",
    )
    price: Price | None = Field(
        default=None,
        description="What those of its models cost whose price neither a deployment says nor the catalogue.",
    )
    stream_usage: Annotated[Literal["ask", "leave"], OneOf(("ask", "leave"))] = Field(
        default="ask",
        description="`ask`: streams of chats are asked to say what they used, and a caller that did not ask does not "
        "see it; `leave`: calls are left as they are, for a server that refuses `stream_options`.",
    )
    budget: OwnBudgets = Field(default=[], description=OWN)
