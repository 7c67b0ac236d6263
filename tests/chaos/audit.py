"""A provider's own bill against a gateway's journal: `python -m tests.chaos.audit BILL JOURNAL`.

Shares no code with the gateway: the bill is the simulated provider's file, and the journal is read with what
docs/journal.md says. Each call must have a model's name of its own, by which it is known on both sides. Exits with 1
when something was lost, is there twice or differs.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness import journal

Line = dict[str, Any]
Tokens = tuple[int, int]
INPUT = ("input", "cache_read", "cache_write", "input_audio", "input_image")
OUTPUT = ("output", "reasoning", "output_audio", "output_image")


@dataclass
class Report:
    """What was found; the lists name calls by their models."""

    billed: int = 0
    """Calls on the provider's bill."""
    sent: int = 0
    settled: int = 0
    open: int = 0
    """Attempts that were cut by a kill: never settled, or since then by what was reserved. The provider alone knows."""
    exact: int = 0
    """Settled by what the provider said."""
    lost: list[str] = field(default_factory=list)
    """On the bill, and not in the journal; or billed, and settled as if they were not."""
    twice: list[str] = field(default_factory=list)
    """In the journal more often than once."""
    wrong: list[str] = field(default_factory=list)
    """Settled by what the provider said, and the bill says otherwise."""

    @property
    def is_good(self) -> bool:
        """Whether both sides agree."""
        return not (self.lost or self.twice or self.wrong)


@dataclass
class _Call:
    lines: list[Line] = field(default_factory=list)
    sent: Counter[tuple[str, int]] = field(default_factory=Counter)
    settled: defaultdict[tuple[str, int], list[Line]] = field(default_factory=lambda: defaultdict(list))


def compare(bill: Iterable[Line], entries: Iterable[Line]) -> Report:
    """Compares, call by call."""
    calls: defaultdict[str, _Call] = defaultdict(_Call)
    for line in bill:
        calls[line["model"]].lines.append(line)
    models: dict[tuple[str, int], str] = {}
    settled: list[Line] = []
    for entry in entries:
        if entry["kind"] == "sent":
            attempt = (entry["call"], entry["attempt"])
            models[attempt] = entry["model"]
            calls[entry["model"]].sent[attempt] += 1
        elif entry["kind"] == "settled":
            settled.append(entry)
    report = Report()
    for entry in settled:
        attempt = (entry["call"], entry["attempt"])
        if attempt in models:
            calls[models[attempt]].settled[attempt].append(entry)
        else:
            report.lost.append(f"{attempt}: settled, and never sent")
    for model, call in calls.items():
        _judge(model, call, report)
    return report


def _judge(model: str, call: _Call, report: Report) -> None:
    settled = [entry for found in call.settled.values() for entry in found]
    report.billed += len(call.lines)
    report.sent += len(call.sent)
    report.settled += len(call.settled)
    reserved = sum(entry["basis"] == "reserved" for entry in settled)
    open_attempts = len(call.sent) - len(call.settled) + reserved
    report.open += open_attempts
    counted_twice = [count for count in call.sent.values() if count > 1]
    counted_twice += [len(found) for found in call.settled.values() if len(found) > 1]
    if counted_twice or len({call_id for call_id, _ in call.sent}) > 1:
        report.twice.append(model)
        return
    if len(call.lines) > len(call.sent):
        report.lost.append(model)
    lines = Counter((line["prompt_tokens"], line["completion_tokens"]) for line in call.lines)
    for entry in settled:
        if entry["basis"] == "provider":
            report.exact += 1
            tokens = _tokens(entry)
            if not lines[tokens]:
                report.wrong.append(model)
            lines[tokens] -= 1
    # What was billed and is settled by nobody's word must be an attempt that is estimated, or open.
    unsaid = sum(count for tokens, count in lines.items() if count > 0 and any(tokens))
    estimated = sum(entry["basis"] == "counted" for entry in settled)
    if unsaid > estimated + open_attempts and model not in report.lost:
        report.lost.append(model)


def _tokens(entry: Line) -> Tokens:
    used = entry["used"]
    return sum(used.get(name, 0) for name in INPUT), sum(used.get(name, 0) for name in OUTPUT)


def audit(bill: Path, directory: Path) -> Report:
    """The same for files."""
    lines = (json.loads(line) for line in bill.read_text(encoding="utf-8").splitlines())
    return compare(lines, journal.read(directory))


def main() -> int:
    """Prints what was found; the exit code."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    report = audit(Path(sys.argv[1]), Path(sys.argv[2]))
    print(json.dumps(report.__dict__ | {"is_good": report.is_good}))
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
