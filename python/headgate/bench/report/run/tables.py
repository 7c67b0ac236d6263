"""The figures of a run as tables."""

from __future__ import annotations

from headgate.bench.figures import show_bytes
from headgate.bench.result import Hist, LoadResult
from headgate.bench.run import hints
from headgate.bench.run.document import Run

from ..table import Table
from ..wording import NONE, count, duration, plain, share

TIMES = {
    "latency": "latency",
    "service": "from the send",
    "ttft": "first token",
    "tpot": "per later token",
    "gap": "between events",
    "stamped": "delay of an event",
    "late": "lateness of the load",
}


def distributions(run: Run) -> Table:
    """Every time that was recorded, by its quantiles."""
    heads = ["time", "p50#", "p90#", "p99#", "p99.9#", "p99.99#", "max#", "mean#", "recorded#"]
    rows = [[label, *_quantiles(hist)] for name, label in TIMES.items() if (hist := recorded(run.result, name))]
    note = "Latency and first token count from when a call was due: a target that holds calls up cannot hide it."
    return Table("Times", heads, rows, note if rows else "", strong=frozenset({0} if run.result.latency else ()))


def recorded(result: LoadResult, name: str) -> Hist | None:
    """A distribution; without streams there is no first token apart from the answer."""
    found: Hist | None = getattr(result, name)
    return None if name == "ttft" and not result.streams else found


def _quantiles(hist: Hist) -> list[str]:
    values = (hist.p50_us, hist.p90_us, hist.p99_us, hist.p999_us, hist.p9999_us, hist.max_us, hist.mean_us)
    return [*(duration(value) for value in values), count(hist.count)]


def counts(run: Run) -> Table:
    """Calls, tokens and bytes."""
    result, usage = run.result, run.result.usage
    rows = [
        ["calls asked", count(result.asked)],
        ["sent", count(result.sent)],
        *([["not sent", count(result.asked - result.sent)]] if result.asked > result.sent else []),
        ["answered whole", count(result.answered)],
        ["good", count(result.good)],
        ["failed", count(result.failed)],
        ["statuses", ", ".join(f"{code}: {number:,}" for code, number in sorted(result.statuses.items())) or NONE],
        ["bytes sent / received", f"{show_bytes(result.bytes_out)} / {show_bytes(result.bytes_in)}"],
    ]
    if result.streams:
        rows.append(["streams / events", f"{result.streams:,} / {result.frames:,}"])
    if usage.answers:
        rows.append(["tokens in / out", f"{usage.prompt_tokens:,} / {usage.completion_tokens:,}"])
        rows.append(["answers that stated usage", count(usage.answers)])
    return Table("Counts", ["what", "how many#"], rows)


def errors(run: Run) -> Table:
    """Failed calls by class, each with what it means, what to do, and the first of them."""
    result = run.result
    whole = result.good + result.failed
    failed = sorted(((kind, number) for kind, number in result.failures.items() if number), key=lambda one: -one[1])
    rows = [
        [
            kind,
            f"{number:,}",
            share(number / whole) if whole else NONE,
            hints.meaning(kind),
            result.examples.get(kind, NONE),
            hints.advice(kind, result.examples.get(kind, "")),
        ]
        for kind, number in failed
    ]
    return Table("Failed calls", ["class", "calls#", "share#", "means", "first of them", "what to do"], rows)


def health(run: Run) -> Table:
    """How the load itself did."""
    said = run.result.health
    rows = [
        ["calls sent more than 1 ms late", f"{said.late_calls:,}"],
        ["most calls that waited for a connection", f"{said.backlog_max:,}"],
        ["longest stall", duration(said.stall_max_us)],
        ["its own CPU per call", duration(said.cpu_us_per_call)],
        ["connections opened", f"{said.connections_opened:,}"],
    ]
    return Table("The load itself", ["what", "how much#"], rows)


def probes(run: Run) -> Table:
    """The search for the capacity, in the order of its windows."""
    rows = [
        [
            count(probe.per_second),
            count(probe.achieved_per_second),
            duration(probe.p50_us),
            duration(probe.p99_us),
            share(probe.failed_share),
            "kept" if probe.kept else "not kept",
            "; ".join(probe.missed),
        ]
        for probe in run.probes
    ]
    heads = ["calls/s asked#", "achieved#", "p50#", "p99#", "failed#", "thresholds", "why not"]
    return Table("Search for the capacity", heads, rows)


def series(run: Run) -> Table:
    """The run over time."""
    rows = [
        [
            plain(step.at_ms / 1e3),
            *(f"{number:,}" for number in (step.sent, step.good, step.failed)),
            *(duration(us) for us in (step.p50_us, step.p99_us, step.ttft_p50_us)),
        ]
        for step in run.result.series
    ]
    heads = ["until s#", "sent#", "good#", "failed#", "p50#", "p99#", "first token p50#"]
    return Table("Over time", heads, rows).without_empty_columns(NONE)
