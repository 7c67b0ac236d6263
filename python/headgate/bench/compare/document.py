"""The result of a comparison as data: all windows as they were seen, and what was made of them.

Times are microseconds of wall clock unless a name says otherwise; `cpu_us_*` is CPU time, user + system, of a whole
process tree. Shares are of one core. The JSON form is that of `dataclasses.asdict`, with `format` in front.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

FORMAT = 1

Mode = Literal["closed", "open", "stream"]


@dataclass(frozen=True)
class Cell:
    """A load: what is called, how long the prompt is, and how many call at once."""

    name: str
    title: str
    mode: Mode
    prompt_bytes: int
    connections: int  # in an open loop: the most that may be open
    share_of_capacity: float | None = None  # open loop: the rate, as a share of the slowest plain proxy's capacity
    events: int = 0  # of a stream
    gap_ms: float = 0.0  # between events of a stream
    features: bool = True  # a key is checked and an alias replaced, where a target can


@dataclass(frozen=True)
class Target:
    """A gateway, a proxy or the floor, as its manifest describes it and as it was found."""

    name: str
    title: str
    version: str
    installed_by: str
    features: list[str]
    unfair: list[str]
    command: str
    pinned: bool = True


@dataclass(frozen=True)
class Absent:
    """A target that was asked for and could not be measured."""

    name: str
    reason: str


@dataclass(frozen=True)
class Window:
    """One target under one cell's load for some seconds.

    `void` says why the figures say nothing (a wrong byte, a lost frame, a lost usage record, a failed call);
    `disturbed`, that something else took the machine; either is None when all is well.
    """

    target: str
    cell: str
    round: int
    at_s: float  # since the start of the run
    seconds: float
    calls: int
    calls_per_second: float
    cpu_us_per_call: float
    provider_us_per_call: float
    load_us_per_call: float
    p50_us: float
    p90_us: float
    p99_us: float
    p999_us: float
    ttft_p50_us: float | None
    ttft_p99_us: float | None
    frames: int
    cpu_us_per_event: float | None
    event_delay_p50_us: float | None  # receipt minus the provider's stamp
    event_delay_p99_us: float | None
    late_calls: int
    others_share: float
    gateway_core_busy: float
    other_core_busy: float
    void: str | None = None
    disturbed: str | None = None


@dataclass(frozen=True)
class Row:
    """One target in one cell, over the windows that count: medians, and the best where it says so."""

    cell: str
    target: str
    windows: int
    left_out: int
    cpu_us_per_call: float
    cpu_us_per_call_best: float
    calls_per_second: float
    calls_per_core_second: float
    p50_us: float
    p99_us: float
    p999_us: float
    ttft_p50_us: float | None
    ttft_p99_us: float | None
    cpu_us_per_event: float | None
    event_delay_p50_us: float | None
    event_delay_p99_us: float | None
    gateway_core_busy: float
    other_core_busy: float


@dataclass(frozen=True)
class Ratio:
    """A quantity of one target over that of another, paired by round; `low` and `high` bound 95 % of bootstraps."""

    cell: str
    target: str
    over: str
    figure: str  # cpu | p50 | p99 | events | throughput
    rounds: int
    median: float
    low: float
    high: float
    best: float  # of the best windows of each


@dataclass(frozen=True)
class Difference:
    """How much later one target answers than another, in microseconds, paired by round."""

    cell: str
    target: str
    over: str
    figure: str  # p50 | p99 | ttft_p50 | ttft_p99
    rounds: int
    median_us: float
    low_us: float
    high_us: float


@dataclass(frozen=True)
class Slope:
    """What each KB of prompt adds to the CPU time of a call, between the cells with the smallest and largest prompt."""

    target: str
    from_bytes: int
    to_bytes: int
    us_per_kb: float


@dataclass(frozen=True)
class SystemCalls:
    """System calls per call, counted by strace in a run of its own."""

    target: str
    connections: int
    calls: int
    per_call: float
    by_name: dict[str, float]


@dataclass(frozen=True)
class Memory:
    """Resident and proportional memory of a target's process tree, in bytes."""

    target: str
    state: str  # idle | after c=50 | 100 open streams | 1000 open streams | 50 x 1 MB
    rss_bytes: int
    pss_bytes: int


@dataclass(frozen=True)
class Start:
    """From the start of the process to the end of its first answer, over several starts."""

    target: str
    starts: int
    median_ms: float
    best_ms: float


@dataclass(frozen=True)
class Verdict:
    """One figure that is asked of us, and what was measured."""

    figure: str
    wanted: str
    measured: str
    met: bool | None  # None: could not be measured, and `measured` says why


@dataclass(frozen=True)
class Comparison:
    """Everything about one run."""

    command: str
    started: str  # RFC 3339
    took_s: float
    seed: int
    machine: dict[str, str]
    versions: dict[str, str]
    seconds: float  # of a window
    rounds: int
    cells: list[Cell]
    targets: list[Target]
    absent: list[Absent]
    windows: list[Window]
    rows: list[Row]
    ratios: list[Ratio]
    differences: list[Difference]
    slopes: list[Slope]
    system_calls: list[SystemCalls]
    memory: list[Memory]
    starts: list[Start]
    verdicts: list[Verdict]
    notes: list[str]

    def to_json(self) -> str:
        """The document as it is kept."""
        return json.dumps({"format": FORMAT, "kind": "compare", **dataclasses.asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Comparison:
        """Reads what `to_json` wrote; raises `ValueError` for anything else."""
        document: dict[str, Any] = json.loads(text)
        if document.pop("kind", None) != "compare" or document.pop("format", None) != FORMAT:
            raise ValueError(f"not the result of a comparison in format {FORMAT}")
        parts: dict[str, type[Any]] = {
            "cells": Cell,
            "targets": Target,
            "absent": Absent,
            "windows": Window,
            "rows": Row,
            "ratios": Ratio,
            "differences": Difference,
            "slopes": Slope,
            "system_calls": SystemCalls,
            "memory": Memory,
            "starts": Start,
            "verdicts": Verdict,
        }
        try:
            for name, part in parts.items():
                document[name] = [part(**one) for one in document[name]]
            return cls(**document)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the result of a comparison: {error}") from None
