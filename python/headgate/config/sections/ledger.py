"""`ledger:` where what every call used and cost is kept, and for how long."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from headgate.config.sections.base import Section
from headgate.config.units import Duration, unit_field, within

_SQLITE = re.compile(r"sqlite:///[^?#]+")
_POSTGRESQL = re.compile(r"postgres(?:ql)?://\S+")


def _url(value: str) -> str:
    """The URL, which may hold a password, is never shown."""
    if _SQLITE.fullmatch(value) or _POSTGRESQL.fullmatch(value):
        return value
    raise PydanticCustomError(
        "ledger", "the URL of a database is needed: sqlite:///data/headgate.db or postgresql://user@host/name"
    )


class _OrUrl:
    """Marks a section that may be written as its URL alone."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Puts a URL into a section before the section is looked at."""
        return core_schema.no_info_before_validator_function(self._section, handler(source))

    def __get_pydantic_json_schema__(self, inner: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The URL, or the section."""
        return {"anyOf": [{"type": "string"}, handler(inner)]}

    @staticmethod
    def _section(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
        return {"url": value} if isinstance(value, str) else value


class Ledger(Section):
    """The ledger's database, and how long what is kept in it."""

    url: Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string"})] = Field(
        description="sqlite:///data/headgate.db, or postgresql://user@host/name."
    )
    keep_calls: Annotated[Duration, within("1d", "3650d")] = unit_field("30d", "How long each call and attempt.")
    keep_minutes: Annotated[Duration, within("1h", "3650d")] = unit_field("3d", "How long sums by minute.")
    keep_hours: Annotated[Duration, within("1d", "3650d")] = unit_field(
        "120d", "How long sums by hour; those by day and month are kept for good."
    )
    max_series: int = Field(
        default=2_000,
        ge=10,
        le=100_000,
        description="Combinations of dimensions that one day tells apart; what callers make up beyond is `(other)`.",
    )


LedgerOrUrl = Annotated[Ledger, _OrUrl()]
