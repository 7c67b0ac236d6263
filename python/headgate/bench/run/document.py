"""What `headgate bench run` keeps of a run: how the load was made, on what, and all that was measured.

Nothing here holds a key, a header's value or a prompt, so that the file can be shown to anybody.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from headgate.bench.result import LoadResult

FORMAT = 1


@dataclass(frozen=True)
class Judged:
    """One threshold, and whether the load kept it; `measured` is text with its unit."""

    threshold: str  # as it was given: `p99<50ms`
    measured: str
    met: bool


@dataclass(frozen=True)
class Probe:
    """One window of a search for the capacity. `kept`: all thresholds were met, and all its calls were sent."""

    per_second: float
    achieved_per_second: float
    kept: bool
    p50_us: float | None
    p99_us: float | None
    failed_share: float
    missed: list[str]  # why it was not kept, a short sentence each
    own_lateness: bool = False  # not kept, and this machine was late: it says nothing about the target


@dataclass(frozen=True)
class Run:
    """Everything about one run. With a search, `result` is that of the confirming window."""

    command: str
    started: str  # RFC 3339
    machine: dict[str, str]
    versions: dict[str, str]
    load: dict[str, str]  # what was asked, for a reader: `target`, `calls`, `schedule`, `limits`, ...
    asked_per_second: float | None  # of the schedule; None where the answers make the pace
    result: LoadResult
    thresholds: list[Judged] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    capacity_per_second: float | None = None
    capacity_is_lower_bound: bool = False  # this machine could not send more
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)  # what a reader has to know before he believes a figure

    @property
    def achieved_per_second(self) -> float:
        """Good answers per second."""
        return self.result.good / self.result.elapsed_s if self.result.elapsed_s > 0 else 0.0

    def to_json(self) -> str:
        """The document as it is kept."""
        document = dataclasses.asdict(self)
        document["result"] = {"format": 1, **document["result"]}
        return json.dumps({"format": FORMAT, "kind": "run", **document}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Run:
        """Reads what `to_json` wrote; raises `ValueError` for anything else."""
        document: dict[str, Any] = json.loads(text)
        if document.pop("kind", None) != "run" or document.pop("format", None) != FORMAT:
            raise ValueError(f"not the result of a run in format {FORMAT}")
        try:
            document["result"] = LoadResult.from_json(json.dumps(document["result"]))
            document["thresholds"] = [Judged(**one) for one in document["thresholds"]]
            document["probes"] = [Probe(**one) for one in document["probes"]]
            return cls(**document)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the result of a run: {error}") from None
