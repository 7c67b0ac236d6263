"""How long a year of usage takes to ask for: `python -m benchmarks.ledger [--series N] [--database URL]`.

Makes a year of sums (each day `N` series, 2,000 being the most that a ledger keeps apart by default), as the fold would
have left them, in a database of its own, and asks the questions that people ask. Prints one line each. PostgreSQL is
measured in an empty database that is named.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from headgate.ledger import tables
from headgate.ledger.buckets import bucket_of
from headgate.ledger.counters import COUNTERS
from headgate.ledger.database import Database
from headgate.ledger.keep import DAY_S, Keep
from headgate.ledger.schema import migrate
from headgate.ledger.state import Row
from headgate.ledger.usage import Question, ask

NOW_S = int(datetime(2026, 11, 21, 20, 28, tzinfo=UTC).timestamp())
YEAR_S = 365 * DAY_S
ASKED = [("agent", "model"), ("key",), ("user",), ("day",), ("month", "model"), ()]
TIMES = 5
_SEED = 20261121
_USED = ("calls", "errors", "took_ms", "attempts", "retries", "input", "cache_read", "output", "reasoning", "nano_usd")


def main() -> None:
    """Makes, asks, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=2_000, help="series a day")
    parser.add_argument("--database", help="the URL of an empty database; a SQLite file of its own if left out")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(asked.database or f"sqlite:///{Path(folder) / 'year.db'}")
        migrate(database)
        rows = make(database, asked.series)
        print(f"{database.name.partition(':')[0]}: a year of {asked.series:,} series a day, {rows:,} rows of sums")
        for by in ASKED:
            took = [measure(database, by) for _ in range(TIMES)]
            least, most = min(took), max(took)
            print(f"by {','.join(by) or 'nothing':12} {statistics.median(took):6.3f} s  ({least:.3f} to {most:.3f})")
        database.close()


def make(database: Database, count: int) -> int:
    """A year of sums; how many rows that were."""
    drawn = random.Random(_SEED)
    with database.writing() as connection:
        connection.execute(insert(tables.series), [series(number, drawn) for number in range(count)])
    total = 0
    last = bucket_of("day", NOW_S)
    for grain, since_s in (
        ("month", NOW_S - YEAR_S),
        ("day", NOW_S - YEAR_S),
        ("hour", last),
        ("minute", NOW_S - 3600),
    ):
        for bucket in buckets(grain, since_s):
            with database.writing() as connection:
                rows = [sums(bucket, number, drawn) for number in range(1, count + 1)]
                connection.execute(insert(tables.usage[grain]), rows)
                total += len(rows)
    return total


def buckets(grain: str, since_s: int) -> Iterator[int]:
    """The buckets of a grain up to now."""
    known = {bucket_of(grain, at_s) for at_s in range(since_s, NOW_S, {"minute": 60, "hour": 3600}.get(grain, DAY_S))}
    yield from sorted(known)


def series(number: int, drawn: random.Random) -> Row:
    """One series: few keys, models and providers, many users."""
    return {
        "digest": number.to_bytes(16),
        "key": f"key-{drawn.randrange(50)}",
        "team": f"team-{drawn.randrange(8)}",
        "user": f"user-{number}",
        "agent": f"agent-{drawn.randrange(40)}",
        "alias": f"alias-{drawn.randrange(6)}",
        "model": f"model-{drawn.randrange(12)}",
        "deployment": f"deployment-{drawn.randrange(12)}",
        "provider": f"provider-{drawn.randrange(4)}",
    }


def sums(bucket: int, number: int, drawn: random.Random) -> Row:
    """A row of sums, as large as real ones are."""
    used = {name: drawn.randrange(10_000_000) for name in _USED}
    return {"bucket": bucket, "series": number} | dict.fromkeys(COUNTERS, 0) | used


def measure(database: Database, by: tuple[str, ...]) -> float:
    """Seconds for one answer, a connection of its own included."""
    start = time.perf_counter()
    with database.reading() as connection:
        ask(connection, Question(by, NOW_S - YEAR_S, NOW_S), Keep(), NOW_S)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
