"""Buckets of time, in UTC: each is named by the second since 1970 at which it begins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

NS: Final = 1_000_000_000
SECONDS: Final = {"minute": 60, "hour": 3_600, "day": 86_400}
"""How long a bucket is; a month is as long as it is."""


def bucket_of(grain: str, at_s: int) -> int:
    """The bucket that a second belongs to."""
    if grain == "month":
        at = datetime.fromtimestamp(at_s, UTC)
        return int(datetime(at.year, at.month, 1, tzinfo=UTC).timestamp())
    return at_s // SECONDS[grain] * SECONDS[grain]


def next_bucket(grain: str, bucket: int) -> int:
    """The bucket behind one."""
    if grain == "month":
        at = datetime.fromtimestamp(bucket, UTC)
        year, month = (at.year + 1, 1) if at.month == 12 else (at.year, at.month + 1)
        return int(datetime(year, month, 1, tzinfo=UTC).timestamp())
    return bucket + SECONDS[grain]
