"""What a simulation came to, as Rust tells it. `rust/simulate/src/report.rs` is the twin."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, TypeAdapter


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quantiles(_Part):
    """A distribution, in microseconds."""

    p50: int
    p90: int
    p99: int
    p999: int
    max: int


class Figures(_Part):
    """One number for each question. Shares are within 0 to 1, money is in billionths of a US dollar."""

    offered: int
    good: int
    failed: int
    cut: int
    left: int
    goodput: float
    calls: int
    attempts: int
    retries: int
    hedges: int
    hedges_won: int
    amplification: float
    amplification_peak: float
    first_token_us: Quantiles | None
    added_us: Quantiles | None
    openings: int
    faults: int
    spend_nanousd: int
    wasted_nanousd: int
    unpriced: int
    recovery_s: int | None
    unrecovered: int
    overshoot: float | None


class Violation(_Part):
    """A rule that was broken; the rules stand in `rust/simulate/src/oracle/mod.rs`."""

    rule: str
    at_s: float
    text: str


class Phase(_Part):
    """One rule of the scenario with a time of its own."""

    provider: str
    what: str
    from_s: float
    until_s: float | None
    offered: int
    good: int
    bad_seconds: int
    amplification: float
    recovery_s: int | None
    overshoot: float | None


class Books(_Part):
    """The books of one provider."""

    name: str
    attempts: int
    retries: int
    hedges: int
    good: int
    input_tokens: int
    output_tokens: int
    spend_nanousd: int
    wasted_nanousd: int
    unpriced: int
    causes: dict[str, int]


class Change(_Part):
    """A health key went out of service (`what` says why) or came back (`closed`)."""

    at_s: float
    replica: int
    key: str
    what: str


class Timeline(_Part):
    """Columns with one value for each second."""

    offered: list[int]
    good: list[int]
    failed: list[int]
    left: list[int]
    calls: list[int]
    retries: list[int]
    attempts: dict[str, list[int]]
    open: list[int]
    out: list[int]
    first_token_p50_us: list[int | None]
    first_token_p99_us: list[int | None]


class World(_Part):
    """One world: a plan (by number), a seed, and what came of them. Of many worlds only figures are kept."""

    plan: int
    seed: int
    figures: Figures
    violations: list[Violation]
    violations_count: int
    phases: list[Phase] = []
    classes: dict[str, int] = {}
    stops: dict[str, int] = {}
    not_hedged: dict[str, int] = {}
    providers: list[Books] = []
    changes: list[Change] = []
    changes_count: int = 0
    timeline: Timeline | None = None


class Result(_Part):
    """All worlds that were finished, of so many asked for; by seed, then by plan."""

    worlds: list[World]
    asked: int

    @property
    def broken(self) -> list[World]:
        """Worlds in which a rule was broken."""
        return [world for world in self.worlds if world.violations_count]

    def of(self, plan: int) -> list[World]:
        """The worlds of a plan."""
        return [world for world in self.worlds if world.plan == plan]


read = TypeAdapter(Result).validate_json
