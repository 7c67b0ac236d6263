"""The figures that were accepted last, and what is said of those that differ."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

# Instructions may differ by this much from what was accepted.
TOLERANCE = 0.02
# Allocations are counted exactly, but a table that grows once in a hundred calls is not one more per call.
ALLOCATION_SLACK = 0.05
HOW_TO_ACCEPT = 'python -m benchmarks.path --accept "why"'


@dataclass(frozen=True)
class Figures:
    """One call of a cell."""

    instructions: int
    allocations: float


@dataclass(frozen=True)
class Accepted:
    """What was accepted: with what tools, when and why."""

    reason: str
    date: str
    made_with: Mapping[str, str]
    cells: Mapping[str, Figures]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads the file that `write` wrote."""
        document = json.loads(path.read_text())
        document["cells"] = {name: Figures(**figures) for name, figures in document["cells"].items()}
        return cls(**document)

    def write(self, path: Path) -> None:
        """Writes it, one line for each figure, so that a change reads well."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")


@dataclass(frozen=True)
class Verdict:
    """What a comparison says: what fails it, and what is merely worth saying."""

    failures: list[str]
    notes: list[str]


def compare(cells: Mapping[str, Figures], accepted: Accepted, made_with: Mapping[str, str]) -> Verdict:
    """Compares what was counted with what was accepted; one line for each finding."""
    verdict = Verdict([], [])
    for name in sorted(cells.keys() | accepted.cells.keys()):
        now, before = cells.get(name), accepted.cells.get(name)
        if now is None or before is None:
            where = "accepted figure" if before is None else "measured figure"
            verdict.failures.append(f"{name}: there is no {where}; {_accept('if that is meant')}")
        else:
            _compare(name, now, before, verdict)
    if verdict.failures or verdict.notes:
        verdict.notes.extend(_differences(made_with, accepted.made_with))
    return verdict


def _compare(name: str, now: Figures, before: Figures, verdict: Verdict) -> None:
    change = now.instructions / before.instructions - 1
    figures = f"{now.instructions:,} instructions, accepted {before.instructions:,} ({change:+.1%})"
    if change > TOLERANCE:
        verdict.failures.append(f"{name}: {figures}; {_accept('if it is worth it')}")
    elif change < -TOLERANCE:
        verdict.notes.append(f"{name}: {figures}; {_accept('to keep it so')}")
    added = now.allocations - before.allocations
    figures = f"{now.allocations:g} allocations, accepted {before.allocations:g} ({added:+g})"
    if added > ALLOCATION_SLACK:
        verdict.failures.append(f"{name}: {figures}; {_accept('if it is worth it')}")
    elif added < -ALLOCATION_SLACK:
        verdict.notes.append(f"{name}: {figures}; {_accept('to keep it so')}")


def _accept(when: str) -> str:
    return f"{when}: {HOW_TO_ACCEPT}"


def _differences(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """The tools that are not those of the accepted figures: the difference may be theirs."""
    return [
        f"{tool} is {now.get(tool)}, but the accepted figures were made with {before.get(tool)}:"
        " the difference may come from that"
        for tool in sorted(now.keys() | before.keys())
        if now.get(tool) != before.get(tool)
    ]
