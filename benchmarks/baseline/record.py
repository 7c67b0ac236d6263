"""What is known of one call: opened when its head is in, closed once."""

from __future__ import annotations

import secrets
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from benchmarks.baseline.metrics import status_class

if TYPE_CHECKING:
    from benchmarks.baseline.faults import Fault
    from benchmarks.baseline.log import Lines
    from benchmarks.baseline.metrics import AttemptSeries, CallSeries, Meters

Outcome = Literal["answered", "refused", "failed", "cut", "client_gone"]


class Attempt(NamedTuple):
    """One try of a call; a status, or the fault that it failed with."""

    series: AttemptSeries
    status: int | None
    fault: Fault | None


class Records:
    """Opens records; ids are unique over replicas and in order within one."""

    def __init__(self, meters: Meters, lines: Lines) -> None:
        self.meters = meters
        self.lines = lines
        self._seed = secrets.token_hex(8)
        self._numbers = count()

    def open(self) -> Record:
        """The record of a call whose head has just come."""
        return Record(f"req_{self._seed}{next(self._numbers):016x}", self.meters, self.lines)


class Record:
    """What is known of one call. Times are those of `perf_counter`, in seconds."""

    __slots__ = (
        "_first_token_s", "_lines", "_meters", "_opened", "_started", "_streaming", "_waited", "attempts", "id",
        "key", "request_bytes", "response_bytes", "series", "status", "step",
    )  # fmt: skip

    def __init__(self, request_id: str, meters: Meters, lines: Lines) -> None:
        self.id = request_id
        self.key: str | None = None
        self.series: CallSeries | None = None
        self.attempts: list[Attempt] = []
        self.step = 0
        self.request_bytes = 0
        self.response_bytes = 0
        self.status: int | None = None
        self._meters = meters
        self._lines = lines
        self._opened = perf_counter()
        self._started = self._opened
        self._waited = 0.0
        self._first_token_s: float | None = None
        self._streaming = False
        meters.in_flight.inc()

    def waited(self, seconds: float) -> None:
        """Time spent waiting for the caller, which is not ours."""
        self._waited += seconds

    def tries(self) -> None:
        """An attempt begins."""
        self._started = perf_counter()

    def tried(self, series: AttemptSeries, step: int, result: int | Fault) -> None:
        """The attempt has been answered with a status, or has failed."""
        took = perf_counter() - self._started
        self._waited += took
        self.step = step
        if isinstance(result, int):
            series.ended("answered", status_class(result)).inc()
            series.seconds.observe(took)
            self.attempts.append(Attempt(series, result, None))
        else:
            series.ended("failed", result.code).inc()
            self.attempts.append(Attempt(series, None, result))

    def answers(self, status: int) -> float:
        """The status that the caller gets. Returns what the gateway added until now, in seconds."""
        self.status = status
        overhead = max(0.0, perf_counter() - self._opened - self._waited)
        self._meters.overhead.observe(overhead)
        return overhead

    def streams(self) -> None:
        """The answer is a stream from here on."""
        self._streaming = True
        self._meters.streams.inc()

    def first_token(self) -> None:
        """Content of a stream has come; the first counts."""
        if self._first_token_s is None:
            self._first_token_s = perf_counter() - self._started
            self.attempts[-1].series.first_token.observe(self._first_token_s)

    def close(self) -> None:
        """The whole answer has gone to the caller."""
        self._end("answered", None)

    def refused(self, fault: Fault) -> None:
        """The caller got an error of ours in place of an answer."""
        self.status = fault.row.status
        self._end("failed" if fault.row.origin == "upstream" else "refused", fault)

    def cut(self, fault: Fault) -> None:
        """The answer had begun and could not be finished."""
        self._end("cut", fault)

    def client_gone(self) -> None:
        """The caller went away first."""
        self._meters.refusals.labels("client_gone").inc()
        self._end("client_gone", None)

    def _end(self, outcome: Outcome, fault: Fault | None) -> None:
        took = perf_counter() - self._opened
        self._meters.in_flight.dec()
        if self._streaming:
            self._meters.streams.dec()
        if fault is not None:
            self._meters.refusals.labels(fault.code).inc()
        series = self.series
        if series is not None:
            series.ended(outcome, status_class(self.status)).inc()
            series.seconds.observe(took)
            series.request_bytes.inc(self.request_bytes)
            series.response_bytes.inc(self.response_bytes)
            if self.step and outcome == "answered":
                series.fallbacks.inc()
        failed = outcome != "answered" or (self.status or 0) >= 400
        if self._lines.wants(failed=failed):
            self._lines.call("warn" if fault else "info", self._line(outcome, fault, took))

    def _line(self, outcome: Outcome, fault: Fault | None, took: float) -> dict[str, object]:
        """Field by field what may be shown: no header, no body, no secret."""
        attempts = [
            {
                "provider": attempt.series.provider,
                "deployment": attempt.series.deployment,
                "status": attempt.status,
                "fault": attempt.fault and attempt.fault.code,
            }
            for attempt in self.attempts
        ]
        first_token_s = self._first_token_s
        return {
            "id": self.id,
            "key": self.key,
            "alias": self.series and self.series.alias,
            "operation": self.series and self.series.operation,
            "stream": self.series and self.series.stream == "true",
            "outcome": outcome,
            "status": self.status,
            "fault": fault and fault.code,
            "message": fault and fault.message,
            "cause": fault and fault.cause,
            "took_ms": int(took * 1000),
            "first_token_ms": None if first_token_s is None else int(first_token_s * 1000),
            "request_bytes": self.request_bytes,
            "response_bytes": self.response_bytes,
            "attempts": attempts,
        }
