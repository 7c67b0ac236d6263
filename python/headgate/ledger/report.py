"""An answer as programs take it: one JSON object, or CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from headgate.ledger.counters import COUNTERS
from headgate.ledger.money import exact_usd
from headgate.ledger.times import iso, show_time
from headgate.ledger.usage import TIMES

if TYPE_CHECKING:
    from headgate.ledger.standing import Standing
    from headgate.ledger.usage import Answer, Line


def as_json(answer: Answer, standing: Standing) -> dict[str, Any]:
    """The answer, with how far the ledger has come. Money is in nano-dollars, `usd` the same in dollars as text."""
    return {
        "since": iso(answer.since_s),
        "until": iso(answer.until_s),
        "as_of": None if standing.entry_s is None else iso(standing.entry_s),
        "by": list(answer.question.by),
        "where": answer.question.where,
        "lines": [named(answer, line) | counted(line) for line in answer.lines],
        "total": counted(answer.total),
    }


def named(answer: Answer, line: Line) -> dict[str, str]:
    """The values of what was asked by."""
    pairs = zip(answer.question.by, line.group, strict=True)
    return {name: show_time(int(value), name) if name in TIMES else str(value) for name, value in pairs}


def counted(line: Line) -> dict[str, Any]:
    """All counters of a line."""
    return {name: line[name] for name in COUNTERS} | {"usd": exact_usd(line["nano_usd"])}


def as_csv(answer: Answer) -> str:
    """The answer as CSV with a header line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [*answer.question.by, *COUNTERS, "usd"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(named(answer, line) | counted(line) for line in answer.lines)
    return out.getvalue()
