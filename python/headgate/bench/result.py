"""What the load engine measured, as data. Latencies are microseconds; see `rust/load` for how each is taken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

FORMAT = 1


@dataclass(frozen=True)
class Hist:
    """A distribution, in microseconds. `curve` is (share, value), denser at the tail; `hdr` the full HDR log, V2."""

    count: int
    mean_us: float
    min_us: float
    max_us: float
    p50_us: float
    p90_us: float
    p99_us: float
    p999_us: float
    p9999_us: float
    curve: list[tuple[float, float]]
    hdr: str


@dataclass(frozen=True)
class Usage:
    """Tokens, as the answers stated them; `answers` is how many did."""

    answers: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


@dataclass(frozen=True)
class Health:
    """How well the engine itself kept up; `reason` says in one sentence why it could not, if so.

    `own`: the reason is this machine, not the target.
    """

    late_calls: int  # sent more than 1 ms after their time
    backlog_max: int
    stall_max_us: float
    cpu_us_per_call: float
    connections_opened: int
    reason: str | None
    own: bool


@dataclass(frozen=True)
class Step:
    """One step of the time series."""

    at_ms: float
    sent: int
    good: int
    failed: int
    p50_us: float | None
    p99_us: float | None
    ttft_p50_us: float | None


@dataclass(frozen=True)
class LoadResult:
    """One load, whole. A distribution is None when nothing was recorded in it."""

    elapsed_s: float
    asked: int
    sent: int
    answered: int
    good: int
    open: int  # sent, and without an end when the load was stopped early
    failures: dict[str, int]
    statuses: dict[str, int]
    examples: dict[str, str]
    bytes_in: int
    bytes_out: int
    frames: int
    streams: int
    usage: Usage
    latency: Hist | None
    service: Hist | None
    ttft: Hist | None
    tpot: Hist | None
    gap: Hist | None
    stamped: Hist | None
    late: Hist | None
    health: Health
    series: list[Step]

    @property
    def failed(self) -> int:
        """Calls that did not end well."""
        return sum(self.failures.values())

    @classmethod
    def from_json(cls, text: str | bytes) -> LoadResult:
        """Reads what the engine wrote; raises `ValueError` for anything else."""
        document: dict[str, Any] = json.loads(text)
        if document.pop("format", None) != FORMAT:
            raise ValueError(f"not the result of a load in format {FORMAT}")
        hists = ("latency", "service", "ttft", "tpot", "gap", "stamped", "late")
        try:
            for name in hists:
                document[name] = _hist(document[name])
            document["usage"] = Usage(**document["usage"])
            document["health"] = Health(**document["health"])
            document["series"] = [Step(**step) for step in document["series"]]
            return cls(**document)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the result of a load: {error}") from None


def _hist(value: dict[str, Any] | None) -> Hist | None:
    if value is None:
        return None
    return Hist(**{**value, "curve": [(share, us) for share, us in value["curve"]]})
