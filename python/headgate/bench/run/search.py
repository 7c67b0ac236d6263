"""The search for the capacity on a real target: a window for each rate, judged by thresholds and by its answers."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

from headgate.bench.figures import show_count
from headgate.bench.result import LoadResult
from headgate.bench.run import capacity, lateness
from headgate.bench.run.document import Probe
from headgate.bench.run.drive import Bench, execute
from headgate.bench.run.job import Job
from headgate.bench.run.options import in_options
from headgate.bench.spec import Constant, Poisson, Spec
from headgate.errors import GatewayError, StartError

KEPT_UP = 0.95
"""So much of a rate has to end as fast as it begins; chance is allowed for beyond that."""

AGAIN = 2
UNSENT = "the schedule was not kept"


@dataclass(frozen=True)
class Searched:
    """What a search ended with; `result` is that of the last whole window, the confirming one where all went well."""

    result: LoadResult
    asked_per_second: float
    probes: list[Probe]
    capacity_per_second: float | None
    is_lower_bound: bool
    notes: list[str]


class _Interrupted(GatewayError):
    """Ends a search whose window was ended early."""


def search(job: Job, bench: Bench, interrupted: threading.Event) -> Searched:
    """Searches. Raises `StartError` where the target cannot be reached at all; later, that ends the search."""
    windows: list[LoadResult] = []
    probes: list[Probe] = []

    def window(per_second: float) -> Probe:
        bench.watch.begin(f"{len(probes) + 1}: {show_count(per_second)}/s")
        kind = Poisson if isinstance(job.spec.arrivals, Poisson) else Constant
        spec = job.spec.model_copy(update={"arrivals": kind(per_second=per_second)})
        windows.append(execute(spec, bench, interrupted))
        if interrupted.is_set():
            raise _Interrupted("the search was interrupted")
        probes.append(judged(job, per_second, windows[-1]))
        return probes[-1]

    def probe(per_second: float) -> bool:
        """Windows in which this machine was late are tried again where they miss: something else had its cores."""
        one = window(per_second)
        for _ in range(AGAIN):
            if one.kept or not one.own_lateness:
                break
            one = window(per_second)
        return one.kept

    start = job.asked_per_second or capacity.LEAST
    try:
        found = capacity.search(probe, start)
    except _Interrupted as error:
        found = capacity.Found(None, str(error))
    except StartError as error:
        if not probes:
            raise
        found = capacity.Found(None, f"the search ended with the target: {error}")
    notes = [found.note] if found.note else []
    if any(one.missed and one.missed[-1].startswith(UNSENT) for one in probes):
        notes.append("Some of these rates could not be sent; what stands beside them says whose limit that was.")
    last = max(len(probes) - 1, 0)  # an interrupted window is shown only where there is no whole one
    asked = probes[last].per_second if probes else start
    return Searched(windows[last], asked, probes, found.per_second, _stopped_by_lateness(found, probes), notes)


def _stopped_by_lateness(found: capacity.Found, probes: list[Probe]) -> bool:
    """Whether all windows at the next rate above missed with this machine late: the target may take more."""
    if found.per_second is None:
        return False
    above = [one for one in probes if one.per_second > found.per_second and not one.kept]
    lowest = min((one.per_second for one in above), default=0.0)
    return bool(above) and all(one.own_lateness for one in above if one.per_second == lowest)


def judged(job: Job, per_second: float, result: LoadResult) -> Probe:
    """A window of a search: whether its thresholds were met, all was sent, and answers kept up with what was sent."""
    verdicts = [threshold.judge(result) for threshold in job.thresholds]
    missed = [f"{one.threshold}: {one.measured}" for one in verdicts if not one.met]
    due = _due(job.spec, per_second)
    if not lateness.sent_whole(result, due):
        missed.append(f"{show_count(result.sent)} of {show_count(max(result.asked, round(due)))} calls were sent")
    ended, began = _second_half(job.spec, per_second, result)
    if ended < KEPT_UP * began - 2 * math.sqrt(began):
        missed.append(f"in its second half {show_count(ended)} calls ended, and {show_count(round(began))} began")
    if missed and result.health.reason:
        missed.append(f"{UNSENT}: {in_options(result.health.reason)}")
    return Probe(
        per_second=per_second,
        achieved_per_second=result.good / result.elapsed_s if result.elapsed_s > 0 else 0.0,
        kept=not missed,
        p50_us=result.latency.p50_us if result.latency else None,
        p99_us=result.latency.p99_us if result.latency else None,
        failed_share=result.failed / max(1, result.good + result.failed),
        missed=missed,
        own_lateness=bool(missed) and lateness.is_own(result),
    )


def _due(spec: Spec, per_second: float) -> float:
    """How many calls a window has at least; chance is allowed for."""
    expected = per_second * spec.duration_ms / 1000
    return expected - (3 * math.sqrt(expected) if isinstance(spec.arrivals, Poisson) else 1)


def _second_half(spec: Spec, per_second: float, result: LoadResult) -> tuple[int, float]:
    """How many calls ended in the window's second half, and how many began: where answers queue up, fewer end.

    The first half is left out, as calls that take long end later than they begin also at a target that keeps up.
    """
    steps = [step for step in result.series if spec.duration_ms / 2 < step.at_ms <= spec.duration_ms]
    ended = sum(step.good + step.failed for step in steps)
    return ended, min(per_second * spec.duration_ms / 2000, sum(step.sent for step in steps))
