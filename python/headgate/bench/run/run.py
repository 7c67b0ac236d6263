"""Puts a load on a target, or searches for its capacity, and keeps what came back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from headgate.bench import machine
from headgate.bench.figures import several, show_count, show_share
from headgate.bench.result import LoadResult
from headgate.bench.run import hints, lateness, text
from headgate.bench.run.document import Judged, Run
from headgate.bench.run.drive import Bench, execute, interrupts
from headgate.bench.run.job import Job
from headgate.bench.run.options import in_options
from headgate.bench.run.search import Searched, search

MANY_FAILED = 0.01


def run(job: Job, bench: Bench) -> Run:
    """Runs a load, or a search for the capacity, to its end. Raises `StartError` when the target cannot be reached."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    bench = replace(bench, secrets=job.secrets)
    searched: Searched | None = None
    with interrupts() as interrupted:
        if job.find_capacity:
            searched = search(job, bench, interrupted)
            result = searched.result
        else:
            bench.watch.begin("")
            result = execute(job.spec, bench, interrupted)
    return Run(
        command=bench.command,
        started=started,
        machine=machine.machine(),
        versions=machine.versions(),
        load=job.load,
        asked_per_second=searched.asked_per_second if searched else job.asked_per_second,
        result=_in_options(result),
        thresholds=[threshold.judge(result) for threshold in job.thresholds],
        probes=searched.probes if searched else [],
        capacity_per_second=searched.capacity_per_second if searched else None,
        capacity_is_lower_bound=searched is not None and searched.is_lower_bound,
        interrupted=interrupted.is_set(),
        notes=[*(searched.notes if searched else []), *_notes(result)],
    )


def _in_options(result: LoadResult) -> LoadResult:
    """The result, with the engine's own words put as options."""
    reason = result.health.reason and in_options(result.health.reason)
    return replace(result, health=replace(result.health, reason=reason))


def _notes(result: LoadResult) -> list[str]:
    """What has to be known before a figure is believed."""
    notes = []
    if result.health.reason:
        bound = f" {_bound(result)}" if result.good else ""
        notes.append(f"The schedule was not kept: {in_options(result.health.reason)}.{bound}")
    if result.failed and result.good:
        share = show_share(result.failed, result.good + result.failed)
        notes.append(f"Latencies are those of good calls; {share} of the calls failed and are in none of them.")
    if result.latency is not None and result.latency.count < 1_000:
        said = f"{several(result.latency.count, 'call')} say{'s' if result.latency.count == 1 else ''} little"
        notes.append(f"{said} about p99 and beyond; run for longer.")
    return notes


def _bound(result: LoadResult) -> str:
    if lateness.is_own(result) and lateness.sent_whole(result):
        return "All calls were sent, and their times hold that lateness: the target was no slower than they say."
    return "The figures are a lower bound: a target under the full rate would have looked worse."


def last_word(document: Run) -> str:
    """What has to be said even to whoever reads no figure; empty where nothing has to."""
    result = document.result
    if not result.good:
        return _nothing_good(result)
    whole = result.good + result.failed
    judged = any(one.threshold.startswith("errors") for one in document.thresholds)
    if judged or document.interrupted or result.failed <= MANY_FAILED * whole:
        return ""
    failed = f"{show_count(result.failed)} of {show_count(whole)} calls failed"
    return f"{failed}; --slo 'errors<1%' makes that an exit code"


def _nothing_good(result: LoadResult) -> str:
    if result.failed:
        kind = max(result.failures, key=lambda one: result.failures[one])
        first = hints.whole(kind, result.examples.get(kind, ""))
        return f"no call ended well; {show_count(result.failures[kind])} of {show_count(result.failed)} failed: {first}"
    if result.open:
        return f"no call ended well; {text.still_open(result)}"
    return "no call ended well: none ended while the load went on; a longer --for or a higher --rate makes more"


def missed(document: Run) -> list[Judged]:
    """The thresholds that were not kept."""
    return [one for one in document.thresholds if not one.met]
