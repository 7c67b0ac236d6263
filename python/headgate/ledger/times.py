"""Times as people write them: `7d` ago, a date, or a time of ISO 8601; in UTC where nothing else is said."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pydantic_core import PydanticCustomError

from headgate.config.units import parse_duration
from headgate.errors import UsageError

_FORMS = "a length of time such as 7d or 90m, a date such as 2026-11-01, or a time such as 2026-11-01T08:00Z is needed"


def parse_time(text: str, now_s: int, option: str) -> int:
    """The second since 1970 that a text stands for; a length of time is counted back from now."""
    if re.fullmatch(r"[0-9][0-9_.]*\s?(ms|s|m|h|d)", text):
        try:
            return now_s - parse_duration(text) // 1000
        except PydanticCustomError as error:
            raise UsageError(f"{option}: {error.message()}") from None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: `{text[:40]}`: {_FORMS}") from None
    return int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp())


def show_time(at_s: int, grain: str = "minute") -> str:
    """A bucket of time as people read it; with the hour, `Z` says that it is UTC."""
    form = {"minute": "%Y-%m-%d %H:%MZ", "hour": "%Y-%m-%d %HhZ", "day": "%Y-%m-%d", "month": "%Y-%m"}[grain]
    return datetime.fromtimestamp(at_s, UTC).strftime(form)


def iso(at_s: int) -> str:
    """A second as ISO 8601."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
