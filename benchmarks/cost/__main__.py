"""`python -m benchmarks.cost`: measures, prints Markdown, and writes both forms where `--output` says."""

import argparse
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .footprint import Footprint, footprint
from .process import running, wait_for_port
from .report import Report
from .targets import ROOT, SECRETS, Absent, Providers, Target, all_targets, headgate, write_policy
from .window import GATEWAY_CORE, OTHER_CORE, Cell, Live, Window, measure

CELLS = (Cell(64, 50), Cell(100_000, 8))
TRIES = 3  # of a window that others disturb


def main() -> int:
    """Returns 0, or 99 under `--gate` when a target figure was missed."""
    options = _arguments()
    os.sched_setaffinity(0, {OTHER_CORE})
    with tempfile.TemporaryDirectory(prefix="headgate-cost-") as name:
        report = _run(Path(name), options)
    print(report.to_markdown())
    if options.output:
        options.output.with_suffix(".json").write_text(report.to_json())
        options.output.with_suffix(".md").write_text(report.to_markdown())
    return 99 if options.gate and report.missed() else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cost", description=sys.modules["benchmarks.cost"].__doc__
    )
    parser.add_argument("--windows", type=int, default=5, help="rounds; each measures every target in every cell")
    parser.add_argument("--seconds", type=int, default=10, help="of a window")
    parser.add_argument("--headgated", type=Path, help="default: the one that was built last")
    parser.add_argument("--no-footprint", action="store_true", help="leave out memory and start-up")
    parser.add_argument("--output", type=Path, help="writes PATH.json and PATH.md")
    parser.add_argument("--gate", action="store_true", help="exit with 99 when a target figure is missed")
    return parser.parse_args()


def _run(folder: Path, options: argparse.Namespace) -> Report:
    providers = Providers()
    with ExitStack() as stack:
        processes = {
            port: stack.enter_context(_serving(folder, f"provider-{port}", command, port, OTHER_CORE))
            for port, command in providers.commands().items()
        }
        found = all_targets(folder, providers, options.headgated)
        targets = [target for target in found if isinstance(target, Target)]
        with ExitStack() as started:
            live = [
                Live(
                    target,
                    started.enter_context(_serving(folder, target.name, target.command, target.port, GATEWAY_CORE)),
                    processes[target.provider],
                    folder,
                )
                for target in targets
            ]
            windows = _rounds(live, options.windows, options.seconds)
        footprints = [] if options.no_footprint else _footprints(folder, providers, targets)
    absent = [target for target in found if isinstance(target, Absent)]
    return Report(shlex.join(["python", "-m", "benchmarks.cost", *sys.argv[1:]]), targets, absent, windows, footprints)


@contextmanager
def _serving(folder: Path, name: str, command: Sequence[str], port: int, core: int) -> Iterator[int]:
    """A process that accepts at `port`, by its id."""
    log = folder / f"{name}.log"
    with running(command, core, log, {**SECRETS, "PYTHONPATH": str(ROOT)}) as process:
        wait_for_port(port, process, log)
        yield process.pid


def _rounds(live: Sequence[Live], rounds: int, seconds: int) -> list[Window]:
    """All windows. The order of the targets rotates from round to round."""
    for cell in CELLS:
        for one in live:
            _warm_up(one, cell)
    windows = []
    for number in range(rounds):
        for cell in CELLS:
            for place in range(len(live)):
                windows += _measured(live[(number + place) % len(live)], cell, seconds, number)
    return windows


def _warm_up(live: Live, cell: Cell, most: int = 8) -> None:
    """Windows of a second until three in a row agree within 3 %, or `most` have passed."""
    costs: list[float] = []
    for _ in range(most):
        costs.append(measure(live, cell, 1, 0).cpu_us_per_request)
        last = costs[-3:]
        if len(last) == 3 and max(last) - min(last) <= 0.03 * statistics.mean(last):
            return


def _measured(live: Live, cell: Cell, seconds: int, number: int) -> list[Window]:
    """One window, and its repetitions while others disturb it; the last one is of use, the others are kept as seen."""
    windows: list[Window] = []
    while len(windows) < TRIES and (not windows or windows[-1].is_disturbed):
        windows.append(measure(live, cell, seconds, number))
        print(_progress(windows[-1]), file=sys.stderr)
    return windows


def _progress(window: Window) -> str:
    note = " VOID" if window.is_void else " disturbed" if window.is_disturbed else ""
    return f"{window.round + 1} {window.cell:<12} {window.target:<10} {window.cpu_us_per_request:7.2f} µs/request{note}"


def _footprints(folder: Path, providers: Providers, targets: Sequence[Target]) -> list[Footprint]:
    """Of `headgated`, and of the same policy under `headgate serve`."""
    ours = next((target for target in targets if target.name == "headgated"), None)
    if ours is None:
        return []
    body = CELLS[0].write_body(folder)
    port, policy = write_policy(folder, providers)
    return [
        footprint("headgated", ours.command, ours.port, body),
        footprint("headgate serve", [headgate(), "serve", str(policy)], port, body),
    ]


if __name__ == "__main__":
    sys.exit(main())
