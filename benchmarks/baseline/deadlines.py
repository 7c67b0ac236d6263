"""The deadlines of one attempt and of the answer that follows it, on the event loop's clock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import aiohttp

from benchmarks.baseline.faults import Fault

if TYPE_CHECKING:
    from headgate.plan.document import Timeouts

SENTENCES: Final = {
    "attempt_timeout": "The answer was not whole within `timeouts.attempt`",
    "total_timeout": "The answer was not whole within `timeouts.total` (`timeouts.stream_total` of a stream)",
    "first_token_timeout": "The provider sent no content within `timeouts.first_token`",
    "idle_timeout": "The provider sent no content for longer than `timeouts.idle`",
    "client_stalled": "The caller did not read its answer",
}


class Deadline(NamedTuple):
    """When, and what it is when that has passed."""

    at: float
    code: str

    def fault(self) -> Fault:
        """The deadline has passed."""
        return Fault(self.code, SENTENCES[self.code])


class Deadlines(NamedTuple):
    """When the answer must be whole; of a stream, when its first content must have come, and how long it may pause."""

    whole: Deadline
    first_token: Deadline
    idle_s: float

    def first(self) -> Deadline:
        """What the first byte is due by."""
        return self.first_token if self.first_token.at < self.whole.at else self.whole

    def idle(self, now: float) -> Deadline:
        """What the next content is due by."""
        return min(Deadline(now + self.idle_s, "idle_timeout"), self.whole)


@dataclass(frozen=True)
class Clock:
    """What a call asks of its attempts; `opened` is when it began."""

    timeouts: Timeouts
    streamed: bool
    opened: float

    def start(self, now: float) -> Deadlines:
        """The deadlines of an attempt that starts now."""
        limits = self.timeouts
        total_ms = limits.stream_total_ms if self.streamed else limits.total_ms
        whole = Deadline(self.opened + total_ms / 1000, "total_timeout")
        if not self.streamed:
            whole = min(whole, Deadline(now + limits.attempt_ms / 1000, "attempt_timeout"))
        # A stream that was not asked for may begin as late as any answer.
        first_at = now + limits.first_token_ms / 1000 if self.streamed else whole.at
        return Deadlines(whole, Deadline(first_at, "first_token_timeout"), limits.idle_ms / 1000)

    @property
    def connect(self) -> aiohttp.ClientTimeout:
        """The client's own timeout: that of a connection alone."""
        return _connect(self.timeouts.connect_ms)


@lru_cache(maxsize=64)
def _connect(ms: int) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=ms / 1000)
