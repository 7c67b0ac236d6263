"""Each sum of the ledger against its rows: computed anew, in SQL of the checker's own."""

from __future__ import annotations

from typing import Final

from tests.chaos.proof.check.evidence import Evidence
from tests.chaos.proof.check.exchanges import CLASSES, CLASSES_OUT
from tests.chaos.proof.check.findings import Findings

_TOKENS: Final = (*CLASSES, *CLASSES_OUT, "audio_ms")
_OF_CALLS: Final = ("calls", "errors", "refused", "left", "took_ms")
_COLUMNS: Final = (
    *_OF_CALLS,
    *("attempts", "retries", "hedges", *_TOKENS, "nano_usd", "retry_nano_usd", "hedge_nano_usd"),
    *(
        "counted",
        "counted_nano_usd",
        "reserved",
        "reserved_nano_usd",
        "unpriced",
        "unsettled",
        "unsettled_nano_usd",
        "void",
    ),
)
_BUCKETS: Final = {
    "minute": "minute",
    "hour": "minute / 3600 * 3600",
    "day": "minute / 86400 * 86400",
    "month": "unixepoch(minute, 'unixepoch', 'start of month')",
}
_FIRST_SHOWN: Final = 20

_OF_ATTEMPTS: Final = f"""
CREATE TABLE served AS
    SELECT call, min(number) AS first, coalesce(min(CASE became WHEN 'good' THEN number END), max(number)) AS number
    FROM ledger.attempts GROUP BY call;
CREATE UNIQUE INDEX served_call ON served (call);
CREATE TABLE parts AS
    SELECT coalesce(sent_ns, settled_ns) / 60000000000 * 60 AS minute, series,
        {", ".join(f"0 AS {c}" for c in _OF_CALLS)},
        1 AS attempts, coalesce(NOT hedge, 1) AND a.number <> first AS retries, coalesce(hedge, 0) AS hedges,
        {", ".join(f"coalesce({name}, 0) AS {name}" for name in _TOKENS)}, coalesce(nano_usd, 0) AS nano_usd,
        iif(a.number <> served.number AND NOT (coalesce(hedge, 0) OR became IS 'hedge_lost'), coalesce(nano_usd, 0), 0)
            AS retry_nano_usd,
        iif(a.number <> served.number AND (coalesce(hedge, 0) OR became IS 'hedge_lost'), coalesce(nano_usd, 0), 0)
            AS hedge_nano_usd,
        basis IS 'counted' AS counted, iif(basis IS 'counted', coalesce(nano_usd, 0), 0) AS counted_nano_usd,
        basis IS 'reserved' AS reserved, iif(basis IS 'reserved', coalesce(nano_usd, 0), 0) AS reserved_nano_usd,
        settled_ns IS NOT NULL AND nano_usd IS NULL AND basis <> 'void'
            AND ({" OR ".join(f"{name} > 0" for name in _TOKENS)}) AS unpriced,
        settled_ns IS NULL AS unsettled,
        iif(settled_ns IS NULL, coalesce(reserved_nano_usd, 0), 0) AS unsettled_nano_usd,
        basis IS 'void' AS void
    FROM ledger.attempts AS a JOIN served USING (call);
INSERT INTO parts
    SELECT at_ns / 60000000000 * 60, series, 1,
        iif(closed_ns IS NULL, 0, NOT (outcome = 'answered' AND coalesce(status, 500) < 400)),
        outcome IS 'refused', outcome IS 'client_gone', coalesce(took_ns / 1000000, 0),
        {", ".join("0" for _ in _COLUMNS[len(_OF_CALLS) :])}
    FROM ledger.calls WHERE opened_ns IS NOT NULL OR closed_ns IS NOT NULL;
"""


def judge(evidence: Evidence, findings: Findings) -> None:
    """Says which sums are not those of their rows, and by how much."""
    evidence.database.executescript(_OF_ATTEMPTS)
    for grain, bucket in _BUCKETS.items():
        _compare(evidence, findings, grain, bucket)
    _tasks(evidence, findings)


def _compare(evidence: Evidence, findings: Findings, grain: str, bucket: str) -> None:
    sums = ", ".join(f"sum({name}) AS {name}" for name in _COLUMNS)
    # Both sides with opposite signs: what is left of a bucket and a series is the difference.
    question = f"""
        SELECT bucket, series, {sums} FROM (
            SELECT {bucket} AS bucket, series, {", ".join(_COLUMNS)} FROM parts
            UNION ALL SELECT bucket, series, {", ".join(f"-{_quoted(name)}" for name in _COLUMNS)}
            FROM ledger.usage_{grain}
        ) GROUP BY 1, 2 HAVING {" OR ".join(f"sum({name}) <> 0" for name in _COLUMNS)}"""
    for row in evidence.rows(question):
        off = {name: -row[name] for name in _COLUMNS if row[name]}
        findings.add("sums", f"{grain} {row['bucket']}, series {row['series']}: more in the sums than in rows: {off}")
    findings.figures[f"sums by {grain}"] += evidence.number(f"SELECT count(*) FROM ledger.usage_{grain}")


def _quoted(name: str) -> str:
    return f'"{name}"'


def _tasks(evidence: Evidence, findings: Findings) -> None:
    question = """
        SELECT key, agent, task, sum(calls) AS calls, sum(tokens) AS tokens, sum(nano_usd) AS nano_usd FROM (
            SELECT key, agent, task, 1 AS calls, 0 AS tokens, 0 AS nano_usd FROM ledger.calls WHERE task <> ''
            UNION ALL SELECT key, agent, task, 0, input + output, coalesce(a.nano_usd, 0)
            FROM ledger.calls JOIN ledger.attempts AS a USING (call) WHERE task <> '' AND settled_ns IS NOT NULL
            UNION ALL SELECT key, agent, task, -calls, -tokens, -nano_usd FROM ledger.tasks
        ) GROUP BY 1, 2, 3 HAVING sum(calls) <> 0 OR sum(tokens) <> 0 OR sum(nano_usd) <> 0"""
    for row in evidence.rows(question):
        off = {name: -row[name] for name in ("calls", "tokens", "nano_usd")}
        findings.add("sums", f"task {row['task']} of {row['key']} and {row['agent']}: more than in rows: {off}")
    findings.figures["tasks"] += evidence.number("SELECT count(*) FROM ledger.tasks")
