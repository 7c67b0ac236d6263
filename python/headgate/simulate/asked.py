"""What was asked for, as a reader of the result needs it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgate.bench.figures import show_count
from headgate.config.units import show_duration

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Asked:
    """Names of files, and what the job came to."""

    policies: tuple[str, ...]
    scenario: str
    for_ms: int
    replicas: int
    seed: int
    seeds: int
    rate: str

    @staticmethod
    def of(policies: Sequence[str], scenario: str, job: dict[str, Any]) -> Asked:
        """Reads it off a job."""
        return Asked(
            tuple(policies),
            scenario,
            for_ms=job["scenario"]["duration_ms"],
            replicas=job["scenario"]["replicas"],
            seed=job["seed"],
            seeds=job["seeds"],
            rate=_rate([point["per_second"] for point in job["scenario"]["rate"]]),
        )

    def command(self, plan: int, seed: int) -> str:
        """The command that shows one of its worlds again."""
        options = f"--seed {seed} --for {show_duration(self.for_ms)} --replicas {self.replicas}"
        return f"headgate simulate {shlex.join([self.policies[plan], self.scenario])} {options}"


def _rate(rates: Sequence[float]) -> str:
    if min(rates) == max(rates):
        return f"{show_count(rates[0])} callers/s"
    return f"{show_count(min(rates))} to {show_count(max(rates))} callers/s"
