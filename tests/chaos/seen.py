"""What one call of the catalogue left behind: what the caller got, and what went over the wire behind the gateway."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos import events
from tests.chaos.recorded import Exchange
from tests.harness.wire import Answer


@dataclass(frozen=True)
class Seen:
    """One call, from outside."""

    answer: Answer
    took_s: float
    total_s: float
    """The deadline of the whole call."""
    primary: list[Exchange]
    spare: list[Exchange]
    max_attempts: int = 3
    max_attempts_per_call: int = 5
    counted: bool = True
    """Whether every attempt reached a relay, so that they can be counted."""

    @property
    def is_events(self) -> bool:
        """Whether the caller got a stream of events, which it can read as it is."""
        kind, coding = self.answer.header("content-type") or "", self.answer.header("content-encoding")
        return self.answer.status == 200 and kind.startswith("text/event-stream") and not coding

    @property
    def all(self) -> list[Exchange]:
        """What any provider was asked."""
        return [*self.primary, *self.spare]

    @property
    def theirs(self) -> bytes:
        """The body without the error event of the gateway, if it ends in one."""
        body = self.answer.body
        ends = events.terminals(body) if self.is_events else []
        if not ends or ends[-1][1] != "error" or any(body == one.owed[: len(body)] for one in self.all):
            return body
        return events.without_last(body)
