"""`log:` what is written to stderr."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from headgate.config.sections.base import OneOf, Section


class Log(Section):
    """One line of JSON per event; readable text on a terminal."""

    level: Annotated[Literal["debug", "info", "warn", "error"], OneOf(("debug", "info", "warn", "error"))] = Field(
        default="info", description="The least level of events."
    )
    calls: Annotated[Literal["off", "errors", "all"], OneOf(("off", "errors", "all"))] = Field(
        default="errors", description="Which calls have a line."
    )
