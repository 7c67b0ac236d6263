"""Does the harness see what it must see? `python -m benchmarks.planted` plants a regression of a few percent.

The floor is compared with itself, and with a floor that burns CPU time for each call: about 5 % of what a call costs.
The interval of the first ratio must include 1.0, and that of the second must not; else it exits with 1, and no ratio of
this size from this machine is to be believed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.bench.compare import CompareOptions, Comparison, compare
from headgate.bench.compare.options import PEERS
from headgate.errors import GatewayError

if TYPE_CHECKING:
    from headgate.bench.compare.document import Ratio

CELL = "64b-c50"
SHARE = 0.05
NONE: frozenset[str] = frozenset()


def main() -> int:
    """Returns 0 when the regression shows and nothing else does."""
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="headgate-planted-") as name:
        peers = Path(name)
        write_manifests(peers)
        try:
            burn_ns = calibrated(_compare(peers, ("floor",), 3, options.seconds))
            result = _compare(peers, ("floor", "again", "planted"), options.windows, options.seconds, burn_ns)
        except GatewayError as error:
            print(error, file=sys.stderr)
            return error.exit_code
    print(f"burnt for each call: {burn_ns} ns")
    again, planted = ratio(result, "again"), ratio(result, "planted")
    for name, found in (("the floor over itself", again), ("the planted regression over the floor", planted)):
        print(f"{name}: {found.median:.3f} [{found.low:.3f}, {found.high:.3f}] in {found.rounds} rounds")
    return 0 if is_told_apart(again, planted) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planted", description=__doc__)
    parser.add_argument("--windows", type=int, default=80, help="rounds")
    parser.add_argument("--seconds", type=float, default=0.5, help="of a window")
    return parser.parse_args()


def write_manifests(folder: Path) -> None:
    """The floor, the same once more, and the one with the regression."""
    floor = (PEERS / "floor.yaml").read_text()
    (folder / "floor.yaml").write_text(floor)
    (folder / "again.yaml").write_text(floor.replace("role: floor\n", "").replace("Floor relay", "Floor relay, again"))
    (folder / "planted.yaml").write_text((PEERS / "planted.yaml").read_text())


def calibrated(floor: Comparison) -> int:
    """Nanoseconds to burn: a share of what a call costs at the floor."""
    rows = [row for row in floor.rows if row.target == "floor"]
    if not rows:
        flaws = [window.void or window.disturbed or "" for window in floor.windows]
        reasons = [*(absent.reason for absent in floor.absent), *floor.notes, *flaws, "no window"]
        raise GatewayError(f"the floor could not be measured: {reasons[0]}")
    return round(1000 * SHARE * rows[0].cpu_us_per_call)


def ratio(result: Comparison, target: str) -> Ratio:
    """CPU per call of a target over that of the floor."""
    found = [r for r in result.ratios if (r.target, r.over, r.figure) == (target, "floor", "cpu")]
    if not found:
        raise GatewayError(f"{target} has no clean round beside the floor")
    return found[0]


def is_told_apart(again: Ratio, planted: Ratio) -> bool:
    """Whether 1.0 is within the first interval and outside the second."""
    return again.low <= 1.0 <= again.high and not planted.low <= 1.0 <= planted.high


def _compare(peers: Path, targets: tuple[str, ...], windows: int, seconds: float, burn_ns: int = 0) -> Comparison:
    variables = {"planted": {"BURN_NS": str(burn_ns)}}
    return compare(
        CompareOptions(
            targets=targets, cells=CELL, windows=windows, seconds=seconds, peers=peers, extras=NONE, variables=variables
        )
    )


if __name__ == "__main__":
    sys.exit(main())
