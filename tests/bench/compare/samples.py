"""Windows, loads and bills as they are when all is well."""

from __future__ import annotations

from headgate.bench.compare.document import Window
from headgate.bench.compare.providers import Bill
from headgate.bench.result import Health, LoadResult, Usage

CALM = Window(
    target="nginx",
    cell="64b-c50",
    round=0,
    at_s=0.0,
    seconds=1.0,
    calls=1000,
    calls_per_second=1000.0,
    cpu_us_per_call=16.0,
    provider_us_per_call=7.0,
    load_us_per_call=6.0,
    p50_us=500.0,
    p90_us=700.0,
    p99_us=900.0,
    p999_us=950.0,
    ttft_p50_us=None,
    ttft_p99_us=None,
    frames=0,
    cpu_us_per_event=None,
    event_delay_p50_us=None,
    event_delay_p99_us=None,
    late_calls=0,
    others_share=0.01,
    gateway_core_busy=1.0,
    other_core_busy=0.9,
)
BILL = Bill(calls=10, mismatches=0, total_tokens=340, bytes_in=1500)


def load(good: int = 10, total_tokens: int = 340, **failures: int) -> LoadResult:
    """A load of JSON answers; `failures` are counts by class."""
    sent = good + sum(failures.values())
    return LoadResult(
        elapsed_s=1.0,
        asked=sent,
        sent=sent,
        answered=sent,
        good=good,
        open=0,
        failures=failures,
        statuses={"200": good},
        examples=dict.fromkeys(failures, "what was seen"),
        bytes_in=0,
        bytes_out=0,
        frames=0,
        streams=0,
        usage=Usage(good, 0, 0, total_tokens),
        latency=None,
        service=None,
        ttft=None,
        tpot=None,
        gap=None,
        stamped=None,
        late=None,
        health=Health(0, 0, 0.0, 0.0, 1, None, own=False),
        series=[],
    )
