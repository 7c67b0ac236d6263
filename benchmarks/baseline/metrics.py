"""Metrics by prometheus-client, under the names that docs/metrics.md gives them.

Children are looked up once per series and kept: `labels()` takes a lock and hashes its values on each call.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.openmetrics.exposition import generate_latest

from headgate import version

OVERHEAD_S: Final = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.1, 1)
DURATION_S: Final = tuple(0.01 * 2**power for power in range(17))
TTFT_S: Final = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 180,
)  # fmt: skip
CALL: Final = ("alias", "operation", "stream")
ATTEMPT: Final = ("provider", "deployment")


class Meters:
    """All families of one gateway."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no types here
        self.registry = CollectorRegistry()
        of = self.registry
        calls = "Calls that ended, by what became of them."
        self.calls = Counter("headgate_calls", calls, (*CALL, "outcome", "status"), registry=of)
        took = "From a call's head to its last byte."
        self.call_seconds = Histogram("headgate_call_seconds", took, CALL, buckets=DURATION_S, registry=of)
        sent, got = "Bytes of bodies received from callers.", "Bytes of bodies sent to callers."
        self.request_bytes = Counter("headgate_request_bytes", sent, CALL, registry=of)
        self.response_bytes = Counter("headgate_response_bytes", got, CALL, registry=of)
        fell = "Calls that a later step of their chain served, by why."
        self.fallbacks = Counter("headgate_fallbacks", fell, ("alias", "reason"), registry=of)
        tried = "Tries at providers, by what came back."
        self.attempts = Counter("headgate_attempts", tried, (*ATTEMPT, "outcome", "reason"), registry=of)
        wait = "From an attempt's start to the first byte of the provider's answer: the provider's share of the wait."
        self.upstream_seconds = Histogram("headgate_upstream_seconds", wait, ATTEMPT, buckets=DURATION_S, registry=of)
        first = "From an attempt's start to the first content of a stream."
        name = "headgate_time_to_first_token_seconds"
        self.first_token = Histogram(name, first, ATTEMPT, buckets=TTFT_S, registry=of)
        refused = "Calls that got an error of our own, by its code."
        self.refusals = Counter("headgate_refusals", refused, ("reason",), registry=of)
        added = "What the gateway added before an answer's first byte."
        self.overhead = Histogram("headgate_overhead_seconds", added, buckets=OVERHEAD_S, registry=of)
        self.in_flight = Gauge("headgate_calls_in_flight", "Calls that are open.", registry=of)
        self.streams = Gauge("headgate_streams_open", "Streams that are open.", registry=of)
        self.connections = Gauge("headgate_connections", "Connections of callers that are open.", registry=of)
        self.ready = Gauge("headgate_ready", "Whether new calls are welcome.", registry=of)
        self.plan = Gauge("headgate_plan_info", "The plan in force.", ("hash",), registry=of)
        self.reloads = Counter("headgate_reloads", "Reloads, by outcome.", ("outcome",), registry=of)
        last = "Whether the last reload was taken; 1 before the first."
        self.last_reload = Gauge("headgate_reload_last_success", last, registry=of)
        self.last_reload.set(1)
        Gauge("headgate_build_info", "The build.", ("version",), registry=of).labels(version()).set(1)
        self.calls_of = cache(self._calls_of)
        self.attempts_of = cache(self._attempts_of)

    def render(self) -> bytes:
        """All metrics, as OpenMetrics text."""
        text: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call] # nor here
        return text

    def _calls_of(self, alias: str, operation: str, stream: bool) -> CallSeries:  # noqa: FBT001 - a label
        return CallSeries(self, (alias, operation, "true" if stream else "false"))

    def _attempts_of(self, provider: str, deployment: str) -> AttemptSeries:
        return AttemptSeries(self, provider, deployment)


class CallSeries:
    """What calls of one alias, operation and mode came to."""

    def __init__(self, meters: Meters, labels: tuple[str, str, str]) -> None:
        self.alias, self.operation, self.stream = labels
        self.seconds = meters.call_seconds.labels(*labels)
        self.request_bytes = meters.request_bytes.labels(*labels)
        self.response_bytes = meters.response_bytes.labels(*labels)
        self.fallbacks = meters.fallbacks.labels(self.alias, "unavailable")  # the only reason that there is here
        self.ended = cache(lambda outcome, status: meters.calls.labels(*labels, outcome, status))


class AttemptSeries:
    """What attempts at one deployment came to."""

    def __init__(self, meters: Meters, provider: str, deployment: str) -> None:
        self.provider, self.deployment = provider, deployment
        self.seconds = meters.upstream_seconds.labels(provider, deployment)
        self.first_token = meters.first_token.labels(provider, deployment)
        self.ended = cache(lambda outcome, reason: meters.attempts.labels(provider, deployment, outcome, reason))


def status_class(status: int | None) -> str:
    """`2xx` and so on; `none` for a call that had no status."""
    return "none" if status is None else f"{status // 100}xx"
