"""Does another load generator see the same? `python -m benchmarks.outside` asks wrk.

One target is loaded by wrk and by our engine in turns, with the same body and as many connections, in a closed loop.
What is compared is the target's own CPU time per call, from the kernel: a generator that batches its calls otherwise,
or miscounts them, would show. It prints the ratio of ours over wrk's, paired by round.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from headgate.bench.compare import cells, cpu, pairs
from headgate.bench.compare.document import Cell
from headgate.bench.compare.find import Peer, find
from headgate.bench.compare.live import Live, Scene, Stage, Unfit
from headgate.bench.compare.loader import Loader
from headgate.bench.compare.options import CompareOptions
from headgate.bench.compare.process import Cores, Processes
from headgate.bench.compare.providers import Providers, body
from headgate.bench.compare.window import Meter, Plan
from headgate.errors import GatewayError, StartError

SCRIPT = """
function init(args)
    local file = assert(io.open(args[1], "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    file:close()
    wrk.headers["content-type"] = "application/json"
    for line in io.lines(args[2]) do
        local name, value = line:match("^(.-): (.*)$")
        wrk.headers[name] = value
    end
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '{"calls": %d, "wrong": %d, "p50_us": %d}\\n', summary.requests,
        errors.status + errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50)))
end
"""


@dataclass(frozen=True)
class Said:
    """What wrk counted: calls that were answered, and those that went wrong."""

    calls: int
    wrong: int
    p50_us: float


def parse(output: str) -> Said:
    """The totals that the script prints on the last line. Raises `GatewayError` when they are not there."""
    try:
        return Said(**json.loads(output.splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        raise GatewayError(f"wrk did not say what it saw: {output.strip()[-200:]}") from None


def main() -> int:
    """Returns 0 when both could be measured, else the exit code of what went wrong."""
    options = _arguments()
    try:
        ours, theirs = _measured(options)
    except GatewayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    found = [our / their for our, their in zip(ours, theirs, strict=True)]
    low, high = pairs.interval(found, "outside")
    print(f"CPU per call of {options.target}, 64 B, c=50, median of {len(found)} windows each:")
    print(f"  loaded by our engine {statistics.median(ours):.2f} µs, by wrk {statistics.median(theirs):.2f} µs")
    print(f"  ours over wrk's: {statistics.median(found):.3f} [{low:.3f}, {high:.3f}]")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outside", description=__doc__)
    parser.add_argument("--target", default="nginx", help="a manifest of benchmarks/peers")
    parser.add_argument("--windows", type=int, default=7, help="of each generator")
    parser.add_argument("--seconds", type=int, default=3, help="of a window")
    return parser.parse_args()


def _measured(options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """CPU time per call in microseconds, by our engine and by wrk, one of each per round."""
    if shutil.which("wrk") is None:
        raise StartError(69, "wrk is not installed: apt-get install wrk")
    peer = find(options.target, CompareOptions())
    if not isinstance(peer, Peer):
        raise StartError(69, f"{peer.name}: {peer.reason}")
    processes = Processes(Cores.of_this_machine())
    with tempfile.TemporaryDirectory(prefix="headgate-outside-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            stage = Stage(processes, Providers(processes, folder), folder)
            live = stage.start(peer, Scene("answers"))
            meter = Meter(Loader(processes, folder), processes.cores, time.monotonic())
            wrk = _Wrk(live, cells.SMALL, options.seconds, folder)
            return _in_turns(meter, wrk, options.windows)
        except Unfit as error:
            raise StartError(69, f"{peer.name}: {error}") from None
        finally:
            processes.close()


def _in_turns(meter: Meter, wrk: _Wrk, windows: int) -> tuple[list[float], list[float]]:
    ours, theirs = [], []
    for number in range(-1, windows):  # the first of each warms up
        window = meter.measure(wrk.live, Plan(wrk.cell, wrk.seconds, number))
        if window.void is not None:
            raise GatewayError(f"our engine: {window.void}")
        by_wrk = wrk.measure()
        if number >= 0:
            ours.append(window.cpu_us_per_call)
            theirs.append(by_wrk)
    return ours, theirs


@dataclass(frozen=True)
class _Wrk:
    """The other generator, beside which ours is held; on this program's own core."""

    live: Live
    cell: Cell
    seconds: int
    folder: Path

    def measure(self) -> float:
        """CPU time of the target per call, in microseconds."""
        ready = self.live.ready
        script, text, headers = (self.folder / name for name in ("load.lua", "body", "headers"))
        script.write_text(SCRIPT)
        text.write_text(body(ready.model, self.cell.prompt_bytes, stream=False))
        headers.write_text("".join(f"{name}: {value}\n" for name, value in ready.headers.items()))
        command = ["wrk", "-t", "1", "-c", str(self.cell.connections), "-d", f"{self.seconds}s", "--timeout", "10s"]
        command += ["-s", str(script), f"http://127.0.0.1:{ready.port}/v1/chat/completions", "--", str(text)]
        before = cpu.seconds(self.live.process.pid)
        done = subprocess.run([*command, str(headers)], check=False, capture_output=True, text=True)
        used = cpu.seconds(self.live.process.pid) - before
        said = parse(done.stdout or done.stderr)
        if said.wrong or not said.calls:
            raise GatewayError(f"wrk: {said.wrong} of {said.calls} calls went wrong")
        return 1e6 * used / said.calls


if __name__ == "__main__":
    sys.exit(main())
