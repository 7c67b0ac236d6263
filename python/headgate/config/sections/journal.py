"""`journal:` how it is written down what calls use."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from headgate.config.sections.base import OneOf, Section
from headgate.config.units import Duration, Size, unit_field, within

WhenFull = Literal["refuse_budgeted", "refuse", "serve"]
_WHEN_FULL = ("refuse_budgeted", "refuse", "serve")


class Journal(Section):
    """Each call and each attempt, in files that a killed process leaves whole."""

    dir: str = Field(
        default="data/journal", min_length=1, description="Where; made if it is not there. One process at a time."
    )
    fsync: Annotated[Duration, within("10ms", "1m")] = unit_field(
        "200ms", "How often it is handed to the disk: what a power cut may lose. A killed process loses nothing."
    )
    segment: Annotated[Size, within("64KiB", "1GiB")] = unit_field(
        "16MiB", "The length of a file; each worker has one and the next."
    )
    keep_for: Annotated[Duration, within("1s", "3650d")] = unit_field(
        "7d", "How long files are kept at least, and until the ledger has read them."
    )
    keep_size: Annotated[Size, within("1MiB", "1048576GiB")] = unit_field(
        "8GiB", "How much all files may take; above it the oldest go, read or not."
    )
    when_full: Annotated[WhenFull, OneOf(_WHEN_FULL)] = Field(
        default="refuse_budgeted",
        description="Calls that cannot be written down: those under a budget are refused, all are, or none.",
    )
