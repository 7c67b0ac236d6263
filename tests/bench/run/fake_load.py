"""A load engine without sockets: ends after so many looks, with the result that a test wants."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from headgate.bench.result import LoadResult
from tests.bench import sample_documents

Answer = Callable[[dict[str, Any]], LoadResult]


class FakeLoad:
    """One load. `looks` is how often it is looked at before it ends by itself."""

    def __init__(self, result: LoadResult, looks: int) -> None:
        self._result = result
        self._looks = looks
        self.stopped = False

    def progress(self) -> bytes:
        """Counters in the middle of a load."""
        return json.dumps(progress(examples=self._result.examples)).encode()

    def wait(self, timeout_ms: int) -> bool:
        """Does not wait."""
        assert timeout_ms > 0
        self._looks -= 1
        return self.stopped or self._looks < 0

    def stop(self) -> None:
        """Ends it."""
        self.stopped = True

    def result(self) -> bytes:
        """As the engine writes it."""
        return json.dumps({"format": 1, **dataclasses.asdict(self._result)}).encode()


class Engine:
    """Starts fake loads and keeps what they were told."""

    def __init__(self, answer: Answer | None = None, looks: int = 2) -> None:
        self.answer: Answer = answer or (lambda _: sample_documents.load_result())
        self.looks = looks
        self.specs: list[dict[str, Any]] = []
        self.loads: list[FakeLoad] = []

    def start(self, spec: dict[str, Any]) -> FakeLoad:
        """Starts one."""
        self.specs.append(json.loads(json.dumps(spec)))
        self.loads.append(FakeLoad(self.answer(self.specs[-1]), self.looks))
        return self.loads[-1]


def progress(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """What the engine says of a load that goes well."""
    return {
        "elapsed_s": 4.0,
        "duration_s": 30.0,
        "phase": "load",
        "asked": 8000,
        "sent": 8000,
        "good": 7990,
        "failed": 2,
        "open": 8,
        "p50_us": 1240.0,
        "p99_us": None,
        "late_calls": 0,
    } | changed


def answered(rate: float, seconds: float = 5.0, p99_us: float = 1000.0) -> LoadResult:
    """A load all of whose calls were answered well, as fast as they came."""
    calls = round(rate * seconds)
    latency = replace(sample_documents.hist(p99_us / 3, count=max(calls, 1)), p99_us=p99_us)
    whole = sample_documents.load_result()
    step = replace(whole.series[0], sent=calls // 10, good=calls // 10, failed=0)
    return replace(
        whole,
        asked=calls,
        sent=calls,
        answered=calls,
        good=calls,
        failures={},
        examples={},
        elapsed_s=seconds,
        latency=latency,
        series=[replace(step, at_ms=100 * seconds * number) for number in range(1, 11)],
    )
