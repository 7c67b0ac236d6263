"""`keys:` virtual keys: who may call."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from headgate.config.problems import shown
from headgate.config.secrets import SecretRef
from headgate.config.sections.base import AliasName, Name, Section
from headgate.config.sections.budgets import OWN, OwnBudgets
from headgate.config.sections.limits import Places, Rates, Value


def _moment(value: Any) -> datetime:  # noqa: ANN401 - whatever YAML holds
    try:
        if isinstance(value, str) and len(value) == len("2026-12-31"):
            return datetime.combine(date.fromisoformat(value), time(), UTC)
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.year < 1970:
        text = "`{seen}` is not a date such as 2026-12-31, or a time such as 2026-12-31T18:00:00+01:00"
        raise PydanticCustomError("moment", text, {"seen": shown(value)})
    return moment


Moment = Annotated[datetime, PlainValidator(_moment), WithJsonSchema({"type": "string"})]
"""A moment, or the first one of a date in UTC."""


class Former(Section):
    """A secret that a key had before."""

    secret: SecretRef = Field(description="What the caller may still show: ${env:NAME} or ${file:PATH}.")
    until: Moment = Field(description="From when on it is refused: a date (of UTC), or a time with its offset.")


class Key(Rates):
    """A key that we issued to a caller."""

    name: Name = Field(description="Its name in logs.")
    secret: SecretRef = Field(description="What the caller shows: ${env:NAME} or ${file:PATH}.")
    aliases: list[AliasName] | None = Field(
        default=None, description="The aliases that it may ask for; absent: every alias and every model."
    )
    passthrough: bool = Field(default=False, description="Whether it may make calls that name no model.")
    expires: Moment | None = Field(
        default=None, description="From when on it is refused: a date (of UTC), or a time with its offset."
    )
    former: list[Former] = Field(default=[], max_length=16, description="Secrets that it had before, for a while.")
    team: Name | None = Field(default=None, description="A name from `teams`.")
    user: Value | None = Field(default=None, description="Who is behind all its calls.")
    tags: list[Value] = Field(default=[], max_length=16, description="What all its calls are tagged with.")
    concurrency: Places | None = Field(default=None, description="Calls at once.")
    budget: OwnBudgets = Field(default=[], description=OWN)
