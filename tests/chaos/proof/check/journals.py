"""Each entry of the journal against the ledger, both ways."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.chaos.proof.check.evidence import Evidence
from tests.chaos.proof.check.findings import Findings

_TABLES: Final = {
    "opened": ("calls", "opened_ns", ("alias", "operation", "key", "team", "user", "agent", "session", "task")),
    "sent": ("attempts", "sent_ns", ("provider", "deployment", "model", "step", "hedge", "reserved_nano_usd")),
    "settled": ("attempts", "settled_ns", ("status", "fault", "nano_usd", "basis", "price", "took_ns")),
    "closed": ("calls", "closed_ns", ("outcome", "status", "fault", "took_ns", "bytes_in", "bytes_out", "attempts")),
}
"""In which table each kind stands, when it was, and what else must be the same."""


def judge(evidence: Evidence, findings: Findings) -> None:
    """Says which entries are not in the ledger, which of its rows have no entry, and which differ."""
    evidence.database.execute("CREATE INDEX entries_of ON entries (kind, call, number)")
    for kind, (table, at, _) in _TABLES.items():
        findings.figures[f"entries {kind}"] += evidence.number("SELECT count(*) FROM entries WHERE kind = ?", kind)
        _twice(evidence, findings, kind)
        _without_entry(evidence, findings, kind, table, at)
        _differing(evidence, findings, kind)


def _twice(evidence: Evidence, findings: Findings, kind: str) -> None:
    question = "SELECT call, number, count(*) AS n FROM entries WHERE kind = ? GROUP BY 1, 2 HAVING count(*) > 1"
    for row in evidence.rows(question, kind):
        findings.add("twice", f"req_{row['call'].hex()}: {kind} {row['n']} times in the journal")


def _number(table: str) -> str:
    return "number" if table == "attempts" else "0"


def _without_entry(evidence: Evidence, findings: Findings, kind: str, table: str, at: str) -> None:
    question = f"""
        SELECT call, {_number(table)} AS number FROM ledger.{table} WHERE {at} IS NOT NULL
        EXCEPT SELECT call, number FROM entries WHERE kind = '{kind}'"""
    for row in evidence.rows(question):
        where = f"req_{row['call'].hex()}, attempt {row['number']}"
        findings.add("journal", f"{where}: {kind} in the ledger, and not in the journal")


def _differing(evidence: Evidence, findings: Findings, kind: str) -> None:
    table, at, _ = _TABLES[kind]
    question = f"""
        SELECT e.call, e.number AS entry, e.body, e.file, row.* FROM entries AS e
        LEFT JOIN ledger.{table} AS row ON row.call = e.call AND {_number(table)} = e.number
        WHERE e.kind = '{kind}'"""
    for row in evidence.rows(question.replace("number = e.number", "row.number = e.number")):
        where = f"{row['file']}: req_{row['call'].hex()}, attempt {row['entry']}"
        if row[at] is None:
            findings.add("journal", f"{where}: {kind} in the journal, and not in the ledger")
            continue
        entry = json.loads(row["body"])
        off = [name for name, value in _expected(kind, entry) if row[name] != value]
        if off:
            told = ", ".join(f"{name} {dict(_expected(kind, entry))[name]!r} and {row[name]!r}" for name in off)
            findings.add("journal", f"{where}: journal and ledger differ in {told}")


def _expected(kind: str, entry: dict[str, Any]) -> list[tuple[str, Any]]:
    """What the row of an entry must hold. Texts that say nothing are empty there."""
    _, at, names = _TABLES[kind]
    texts = {
        "opened": (*names,),
        "sent": names[:3],
        "settled": ("fault", "basis", "price"),
        "closed": ("outcome", "fault"),
    }
    found = [(at, entry["at_ns"])]
    for name in names:
        value = entry[name]
        found.append((name, value or "" if name in texts[kind] else int(value) if isinstance(value, bool) else value))
    if kind == "settled":
        found += [("became", entry["class"] or ""), *entry["used"].items()]
    return found
