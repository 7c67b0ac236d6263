"""What is asked of headgate, held against what was measured."""

from dataclasses import replace

from headgate.bench.compare.cells import FULL
from headgate.bench.compare.document import Difference, Memory, Ratio, Slope, Start, SystemCalls, Verdict
from headgate.bench.compare.verdicts import Findings, verdicts

ROLES = {"floor": "floor", "nginx": "proxy", "headgated": "ours", "serve": "serve", "python": "baseline"}
GOOD = Ratio("64b-c50", "headgated", "plain", "cpu", 5, 0.90, 0.88, 0.93, 0.89)
NOTHING = Findings(FULL, ROLES, [], [], [], [], [], [])


def by_figure(found: Findings) -> dict[str, Verdict]:
    return {verdict.figure: verdict for verdict in verdicts(found)}


def test_a_figure_within_its_bound_is_met_and_one_above_it_is_missed() -> None:
    ratios = [
        GOOD,
        replace(GOOD, over="floor", median=1.28, low=1.26, high=1.31),
        replace(GOOD, cell="100kb-c8", median=1.02, low=0.99, high=1.04),
        replace(GOOD, over="python", figure="throughput", median=24.4, low=23.0, high=26.0),
    ]
    found = by_figure(
        replace(
            NOTHING,
            ratios=ratios,
            differences=[Difference("64b-c1", "headgated", "floor", "p50", 5, 15.4, 14.0, 16.0)],
            slopes=[Slope("headgated", 1024, 409_600, 0.27)],
            system_calls=[SystemCalls("headgated", 50, 1000, 4.06, {})],
            memory=[Memory("headgated", "idle", 8 << 20, 7 << 20), Memory("serve", "idle", 65 << 20, 60 << 20)],
            starts=[Start("headgated", 5, 43.0, 40.0)],
        )
    )
    met = {figure: (verdict.measured, verdict.met) for figure, verdict in found.items() if verdict.met is not None}
    assert met == {
        "X, CPU per call over the better plain proxy, 64 B, c=50": ("0.90 [0.88, 0.93]", True),
        "X, CPU per call over the better plain proxy, 100 KB, c=8": ("1.02 [0.99, 1.04]", False),
        "D, CPU per call above the floor, 64 B, c=50": ("0.28 [0.26, 0.31]", True),
        "L, p50 above the floor's, 64 B, c=1": ("15.4 µs [14.0, 16.0]", False),
        "slope, CPU per KB of prompt, 1 to 400 KB": ("0.270 µs/KB", True),
        "system calls per call, c=50": ("4.06", True),
        "resident memory of headgated, idle": ("8.0 MiB", True),
        "resident memory of serve, idle": ("65.0 MiB", False),
        "start of headgated to its first answer": ("43 ms", True),
        "calls per core-second over python, 64 B, c=50": ("24x [23, 26]", False),
    }


def test_what_could_not_be_measured_is_neither_met_nor_missed_and_says_why() -> None:
    found = by_figure(NOTHING)
    assert {verdict.met for verdict in found.values()} == {None}
    assert all(verdict.measured.startswith("not ") for verdict in found.values())
    of_litellm = found["calls per core-second over litellm, 64 B, c=50"]
    assert of_litellm.measured == "not measured: litellm was not part of the run"


def test_only_cells_of_the_run_are_asked_for() -> None:
    some = [cell for cell in FULL if cell.name == "64b-c50"]
    figures = " ".join(by_figure(replace(NOTHING, cells=some)))
    assert "64 B, c=50" in figures
    assert "SSE" not in figures
    assert "100 KB" not in figures
    assert "slope" not in figures


def test_a_run_without_headgate_has_no_verdicts() -> None:
    assert verdicts(replace(NOTHING, roles={"floor": "floor", "nginx": "proxy"})) == []
