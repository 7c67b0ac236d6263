"""`python -m benchmarks.path`: counts, compares with what was accepted, and says what differs."""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from . import callgrind
from .accepted import Accepted, Figures, compare

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
ACCEPTED = FOLDER / "accepted.json"
# Calls of the two runs of each cell: enough that a count differs by less than 0.1 % from one time to the next.
CALLS = {
    "json-64": (200, 1200),
    "json-16k": (50, 450),
    "json-400k": (20, 70),
    "sse-64": (20, 220),
    "plain-64": (200, 1200),
    "money-64": (200, 1200),
}


def main() -> int:
    """Returns 0; 99 when a figure is worse than accepted, 69 without valgrind, 1 when nothing could be counted."""
    options = _arguments()
    valgrind = callgrind.version()
    if not valgrind:
        return _fail(69, "valgrind is not installed; on Debian: apt-get install valgrind")
    made_with = {"rustc": _rustc(), "valgrind": valgrind, "libc": " ".join(platform.libc_ver()), "cpu": _cpu()}
    built = subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "-p", "path"], cwd=ROOT, check=False)
    if built.returncode:
        return _fail(1, "the driver cannot be built")
    binary = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release/path").absolute()
    try:
        cells = _measure(binary)
    except callgrind.Unreadable as error:
        return _fail(1, str(error))
    if options.accept is not None:
        today = datetime.date.today().isoformat()
        Accepted(options.accept.strip(), today, made_with, cells).write(ACCEPTED)
        print(f"\naccepted: {options.accept.strip()}")
        return 0
    return _judge(cells, made_with)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.path", description=sys.modules[__package__].__doc__)
    parser.add_argument("--accept", metavar="WHY", help="writes what is counted as the figures to compare with")
    options = parser.parse_args()
    if options.accept is not None and not options.accept.strip():
        parser.error("--accept: say why the new figures are right")
    return options


def _measure(binary: Path) -> dict[str, Figures]:
    """All cells, printed as they come."""
    left_out = f"left out: {'both ends':>9} {'transport':>10} {'runtime':>8}"
    print(f"{'one call':<12} {'instructions':>12} {'allocations':>12}   {left_out}")
    cells = {}
    with tempfile.TemporaryDirectory(prefix="headgate-path-") as name:
        for cell, (few, many) in CALLS.items():
            (before, _), (after, allocations) = (
                callgrind.run(binary, cell, calls, Path(name)) for calls in (few, many)
            )
            spent, calls = after - before, many - few
            cells[cell] = Figures(round(spent.gateway / calls), round(allocations / many, 2))
            print(
                f"{cell:<12} {cells[cell].instructions:>12,} {cells[cell].allocations:>12g}"
                f"             {spent.ends / calls:>9,.0f} {spent.transport / calls:>10,.0f}"
                f" {spent.runtime / calls:>8,.0f}",
                flush=True,
            )
    return cells


def _judge(cells: dict[str, Figures], made_with: dict[str, str]) -> int:
    verdict = compare(cells, Accepted.read(ACCEPTED), made_with)
    print()
    for line in verdict.failures:
        print(f"FAILED {line}")
    for line in verdict.notes:
        print(line)
    print("dearer than accepted" if verdict.failures else "as accepted")
    return 99 if verdict.failures else 0


def _fail(code: int, message: str) -> int:
    print(f"benchmarks.path: {message}", file=sys.stderr)
    return code


def _rustc() -> str:
    """The compiler that cargo uses."""
    return subprocess.run(["rustc", "--version"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _cpu() -> str:
    """The instruction set, as far as the C library and the header parser choose their code by it."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return " ".join([platform.machine(), *(flag for flag in ("avx2",) if flag in flags)])


if __name__ == "__main__":
    sys.exit(main())
