"""`http:` limits of the data listener."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from headgate.config.sections.base import OneOf, Section, text, value_or_word
from headgate.config.units import Duration, Size, unit_field, within

_ORIGIN, _ORIGIN_SCHEMA = text(
    r"https?://[a-z0-9_.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](:[0-9]{1,5})?",
    "a web origin, in lower case and without a path, such as https://app.example",
)


class Http(Section):
    """What a request may be, and how long it may take to arrive."""

    max_body: Annotated[Size, within("1KiB", "1GiB")] = unit_field(
        "32MiB", "The largest body that is read for its model."
    )
    max_upload: Annotated[Size, within("1KiB", "1024GiB")] = unit_field("512MiB", "The largest body passed on unread.")
    max_head: Annotated[Size, within("1KiB", "1MiB")] = unit_field("64KiB", "The largest head of a request.")
    max_connections: int = Field(
        default=20_000, ge=1, le=1_000_000, description="Open connections; loopback and unix sockets are not counted."
    )
    max_calls: int = Field(
        default=20_000, ge=1, le=10_000_000, description="Open calls; more are refused before their body is read."
    )
    max_streams: int = Field(default=20_000, ge=1, le=10_000_000, description="Open streams among them.")
    max_buffered: Annotated[
        Annotated[Literal["auto"], OneOf(("auto",), also="a size such as 1GiB"), Tag("<word>")]
        | Annotated[Size, within("1KiB", "1024GiB"), Tag("<value>")],
        Discriminator(value_or_word),
    ] = Field(
        default="auto",
        description="Bytes of bodies held at once; `auto`: a quarter of the cgroup's limit of memory, else 1GiB.",
    )
    idle: Annotated[Duration, within("1s", "1d")] = unit_field("75s", "How long a connection may rest between calls.")
    read_gap: Annotated[Duration, within("1s", "1h")] = unit_field("30s", "How long a request may stop arriving.")
    origins: list[Annotated[str, _ORIGIN, _ORIGIN_SCHEMA]] = Field(
        default=[], description="Web origins that may call, such as https://app.example."
    )
