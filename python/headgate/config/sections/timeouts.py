"""Timeouts of calls: `resilience.timeouts` for all, `timeouts` of an alias for its own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from headgate.config.sections.base import Section
from headgate.config.units import Duration, unit_field, within

Timeout = Annotated[Duration, within("1ms", "7d")]

CONNECT = "To a connection, name resolution and TLS included."
FIRST_TOKEN = "From the request sent to the first content of a stream."
IDLE = "Between pieces of content of a stream."
ATTEMPT = "One try that is not streamed."
TOTAL = "The call, when it is not streamed."
STREAM_TOTAL = "The call, when it is streamed."


class Timeouts(Section):
    """The timeouts of every call whose alias says nothing else."""

    connect: Timeout = unit_field("3s", CONNECT)
    first_token: Timeout = unit_field("30s", FIRST_TOKEN)
    idle: Timeout = unit_field("60s", IDLE)
    attempt: Timeout = unit_field("10m", ATTEMPT)
    total: Timeout = unit_field("10m", TOTAL)
    stream_total: Timeout = unit_field("1h", STREAM_TOTAL)


class AliasTimeouts(Section):
    """The timeouts of one alias; what is absent is as in `resilience.timeouts`."""

    connect: Timeout | None = Field(default=None, description=CONNECT)
    first_token: Timeout | None = Field(default=None, description=FIRST_TOKEN)
    idle: Timeout | None = Field(default=None, description=IDLE)
    attempt: Timeout | None = Field(default=None, description=ATTEMPT)
    total: Timeout | None = Field(default=None, description=TOTAL)
    stream_total: Timeout | None = Field(default=None, description=STREAM_TOTAL)
