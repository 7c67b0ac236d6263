"""`identity:` who is behind a call, for limits and for the log."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from headgate.config.problems import shown
from headgate.config.sections.base import OneOrMore, Section
from headgate.config.units import Duration, unit_field, within

_SOURCE = re.compile(r"header (?P<header>[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100})|body user")
_SECRET = {"authorization", "x-api-key", "api-key", "cookie", "proxy-authorization"}


class Source(NamedTuple):
    """Where an identity stands: in a header (lower case), or, where none is named, in the field `user` of the body."""

    header: str | None


def _source(value: Any) -> Source:  # noqa: ANN401 - whatever YAML holds
    if not isinstance(value, str) or not (match := _SOURCE.fullmatch(value)):
        text = "`header NAME` or `body user` is needed, not `{seen}`"
        raise PydanticCustomError("source", text, {"seen": shown(value)})
    header = match["header"] and match["header"].lower()
    if header in _SECRET:
        raise PydanticCustomError("source", "`{header}` holds a secret; name another header", {"header": header})
    return Source(header)


_Source = Annotated[
    Source,
    PlainValidator(_source),
    WithJsonSchema({"type": "string", "pattern": f"^({_SOURCE.pattern.replace('?P<header>', '')})$"}),
]
Sources = Annotated[list[_Source], Field(max_length=8), OneOrMore()]


class Identity(Section):
    """Where calls say who is behind them: `header NAME`, or `body user`; of several the first that says something."""

    user: Sources = Field(default=[], description="The user; what a key says of its `user` counts before.")
    agent: Sources = Field(default=[], description="The agent.")
    session: Sources = Field(default=[], description="The session.")
    task: Sources = Field(default=[], description="The task.")
    tags: Sources = Field(default=[], description="Tags, with commas between; those of the key are added.")
    most_values: int = Field(
        default=100_000,
        ge=1,
        le=10_000_000,
        description="How many values of each limit are counted apart; what comes beyond is counted together.",
    )
    forget_after: Annotated[Duration, within("1m", "366d")] = unit_field(
        "1d", "Without a call for so long, what a session or a task has used in its life is forgotten."
    )
