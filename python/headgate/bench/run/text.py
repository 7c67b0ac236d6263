"""A run's result as text for a terminal: what was asked, whether to believe it, then the figures."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.bench.figures import several, show_bytes, show_count, show_share, show_us
from headgate.bench.result import Hist, LoadResult
from headgate.bench.run import hints
from headgate.bench.run.document import Run

_COLUMNS = ("p50", "p90", "p99", "p99.9", "p99.99", "max", "mean")
_ROWS = {
    "latency": "latency",
    "service": "  from the send",
    "ttft": "first token",
    "tpot": "per later token",
    "gap": "between events",
    "stamped": "event's delay",
}


def lines(run: Run) -> Iterator[tuple[str, str]]:
    """Lines as (style, text); a style is empty, `bold`, `dim`, `yellow`, `red` or `green`."""
    yield from _asked(run)
    if run.interrupted:
        yield "yellow", "interrupted: these are the figures up to then"
        if run.result.open:
            yield "yellow", still_open(run.result)
    for note in run.notes:
        yield "yellow", f"note: {note}"
    yield from _rates(run)
    yield from _times(run.result)
    yield from _errors(run.result)
    yield from _engine(run.result)
    yield from _probes(run)
    yield from _thresholds(run)


def still_open(result: LoadResult) -> str:
    """What is known of calls that a load's early end found open."""
    hangs = "" if result.good or result.failed else f", and none has ended: {hints.advice('timeout')}"
    return f"{several(result.open, 'call')} {'was' if result.open == 1 else 'were'} still open{hangs}"


def _asked(run: Run) -> Iterator[tuple[str, str]]:
    for label, text in run.load.items():
        yield "", f"{label:<10}{text}"
    yield "", ""


def _rates(run: Run) -> Iterator[tuple[str, str]]:
    result = run.result
    asked = "" if run.asked_per_second is None else f"{show_count(run.asked_per_second)}/s asked, "
    yield "", f"{'rate':<10}{asked}{show_count(round(run.achieved_per_second, 1))}/s achieved"
    unsent = f" ({show_count(result.asked - result.sent)} were not)" if result.asked > result.sent else ""
    sent = f"{show_count(result.sent)} sent{unsent}"
    counts = f"{show_count(result.asked)} asked, {sent}, {show_count(result.good)} good"
    failed = f"{show_count(result.failed)} failed ({show_share(result.failed, result.good + result.failed)})"
    yield ("red" if result.failed else ""), f"{'counts':<10}{counts}, {failed} in {result.elapsed_s:.1f} s"
    usage = result.usage
    if usage.answers:
        each = show_count(round(usage.completion_tokens / result.elapsed_s)) if result.elapsed_s else "0"
        tokens = f"{show_count(usage.prompt_tokens)} in, {show_count(usage.completion_tokens)} out ({each}/s)"
        yield "", f"{'tokens':<10}{tokens}, stated by {several(usage.answers, 'answer')}"
    events = f", {several(result.frames, 'event')} in {several(result.streams, 'stream')}"
    streams = events if result.streams else ""
    yield "", f"{'bytes':<10}{show_bytes(result.bytes_out)} sent, {show_bytes(result.bytes_in)} received{streams}"
    yield "", ""


def _times(result: LoadResult) -> Iterator[tuple[str, str]]:
    rows = [(label, hist) for key, label in _ROWS.items() if (hist := _worth_a_row(result, key)) is not None]
    if not rows:
        return
    yield "bold", f"{'':<18}" + "".join(f"{name:>10}" for name in _COLUMNS) + f"{'count':>12}"
    for label, hist in rows:
        yield "", f"{label:<18}" + "".join(f"{show_us(value):>10}" for value in _values(hist)) + f"{hist.count:>12,}"
    yield "", ""


def _worth_a_row(result: LoadResult, key: str) -> Hist | None:
    """A first token is told from the whole answer only where there were streams."""
    hist: Hist | None = getattr(result, key)
    return None if key == "ttft" and not result.streams else hist


def _values(hist: Hist) -> list[float]:
    return [hist.p50_us, hist.p90_us, hist.p99_us, hist.p999_us, hist.p9999_us, hist.max_us, hist.mean_us]


def _errors(result: LoadResult) -> Iterator[tuple[str, str]]:
    failed = {kind: count for kind, count in result.failures.items() if count}
    if not failed:
        return
    yield "bold", "failed calls"
    for kind, count in sorted(failed.items(), key=lambda one: -one[1]):
        yield "red", f"  {count:>8,}  {kind}: {hints.meaning(kind)}"
        example = result.examples.get(kind, "")
        if example:
            yield "", f"            for example: {example}"
        yield "dim", f"            {hints.advice(kind, example)}"
    if len(result.statuses) > 1 or result.failures.get("status"):
        yield "", "  statuses  " + ", ".join(f"{code}: {count:,}" for code, count in sorted(result.statuses.items()))
    yield "", ""


def _engine(result: LoadResult) -> Iterator[tuple[str, str]]:
    health = result.health
    late = f"{several(health.late_calls, 'call')} sent more than 1 ms late"
    worst = f" (p99 {show_us(result.late.p99_us)})" if result.late is not None and health.late_calls else ""
    kept = "kept its schedule" if health.reason is None else "did not keep its schedule"
    opened = f"{several(health.connections_opened, 'connection')} opened"
    own = f"{show_us(health.cpu_us_per_call)} of CPU a call, {opened}"
    yield ("" if health.reason is None else "yellow"), f"{'engine':<10}{kept}: {late}{worst}; {own}"


def _probes(run: Run) -> Iterator[tuple[str, str]]:
    if not run.probes:
        return
    yield "", ""
    yield "bold", f"{'rate':>12}{'achieved':>12}{'p50':>10}{'p99':>10}{'failed':>10}"
    for probe in run.probes:
        failed = show_share(probe.failed_share, 1)
        figures = f"{show_us(probe.p50_us):>10}{show_us(probe.p99_us):>10}{failed:>10}"
        verdict = "kept" if probe.kept else "; ".join(probe.missed)
        rates = f"{show_count(probe.per_second) + '/s':>12}{show_count(round(probe.achieved_per_second)) + '/s':>12}"
        yield ("green" if probe.kept else ""), f"{rates}{figures}  {verdict}"
    yield "", ""
    yield _capacity(run)


def _capacity(run: Run) -> tuple[str, str]:
    found = run.capacity_per_second
    if found is None:
        return "red", "capacity  not found"
    if run.capacity_is_lower_bound:
        return "bold", f"capacity  at least {show_count(found)}/s: this machine could not send more"
    return "bold", f"capacity  {show_count(found)}/s"


def _thresholds(run: Run) -> Iterator[tuple[str, str]]:
    if not run.thresholds:
        return
    yield "", ""
    for one in run.thresholds:
        yield ("green" if one.met else "red"), f"{'met' if one.met else 'MISSED':<10}{one.threshold}: {one.measured}"
