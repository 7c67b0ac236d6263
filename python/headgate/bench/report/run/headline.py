"""What a run says, in a few sentences, and what a reader has to know before believing it."""

from __future__ import annotations

from headgate.bench.figures import several, show_count
from headgate.bench.run.document import Run

from ..wording import duration, listed, moment


def headline(run: Run) -> list[str]:
    """One to three sentences, the first of which is the finding."""
    result = run.result
    if not result.good:
        failed = f" of {several(result.failed, 'call')} that failed" if result.failed else ""
        return [f"No call was answered well{failed}.", *_thresholds(run)]
    if run.probes:
        return [_capacity(run), _answers(run), *_thresholds(run)]
    return [_answers(run), *_thresholds(run)]


def _capacity(run: Run) -> str:
    if run.capacity_per_second is None:
        lowest = min(probe.per_second for probe in run.probes)
        return f"No rate was kept: the lowest that was tried is {show_count(round(lowest))} calls per second."
    rate = show_count(round(run.capacity_per_second))
    if run.capacity_is_lower_bound:
        return f"The capacity is at least {rate} calls per second: this machine could not send more."
    text = f"The capacity is {rate} calls per second"
    lost = [probe.per_second for probe in run.probes if not probe.kept]
    return f"{text}; {show_count(round(min(lost)))} were not kept." if lost else f"{text}; more was not tried."


def _answers(run: Run) -> str:
    result = run.result
    asked = "" if run.asked_per_second is None else f" of {show_count(round(run.asked_per_second))} asked"
    rate = f"{show_count(round(run.achieved_per_second))} calls per second{asked}"
    good = "All" if result.good == result.asked else f"{result.good:,} of"
    times = f", p50 {duration(result.latency.p50_us)}, p99 {duration(result.latency.p99_us)}" if result.latency else ""
    return f"{good} {several(result.asked, 'call')} ended well: {rate}{times}."


def _thresholds(run: Run) -> list[str]:
    if not run.thresholds:
        return []
    missed = [f"{one.threshold} (measured {one.measured})" for one in run.thresholds if not one.met]
    if missed:
        return [f"Missed: {listed(missed)}."]
    return [f"{'The threshold is' if len(run.thresholds) == 1 else 'All thresholds are'} met."]


def warnings(run: Run) -> list[str]:
    """What weakens the figures: the load could not keep its schedule, or was ended early."""
    health, found = run.result.health, []
    if health.reason:
        late = f"{health.late_calls:,} of {several(run.result.sent, 'call')} left more than 1 ms late."
        reason = f" {health.reason[0].upper()}{health.reason[1:].rstrip('.')}."
        said = next((note for note in run.notes if _is_of_schedule(run, note)), None)
        found.append(f"{said or f'The load did not keep its schedule.{reason}'} {late}")
    if run.interrupted:
        still = f", and {several(run.result.open, 'call')} were still open" if run.result.open else ""
        found.append(f"The run was interrupted: these are the figures up to then{still}.")
    return found


def notes(run: Run) -> list[str]:
    """What else a reader has to know: notes that are no part of a warning."""
    return [note for note in run.notes if not _is_of_schedule(run, note)]


def _is_of_schedule(run: Run, note: str) -> bool:
    reason = run.result.health.reason
    return reason is not None and reason in note


def circumstances(run: Run) -> list[tuple[str, str]]:
    """Label and text: what was asked, and on what."""
    facts = [(label, text) for label, text in run.load.items()]
    machine = ", ".join(f"{value} cores" if key == "cores" else value for key, value in run.machine.items())
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    return [(label, text) for label, text in [*facts, ("machine", machine), ("versions", versions)] if text]


def started(run: Run) -> str:
    """When, as a reader writes it."""
    return moment(run.started)
