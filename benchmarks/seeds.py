"""Does a rule break in any of 100,000 bad hours? `python -m benchmarks.seeds` plays them; Ctrl-C stops it at any time.

An hour of `config/scenarios/bad-days.yaml` under `config/resilient.yaml` for each seed, on all cores. What is done is
written to a file, a line for each few dozen seeds. The same command goes on from there, and refuses to where the
policy, the scenario or the compiled module is another. Exits with 0 when all seeds are done and no rule was broken, 1
when one was (the first such seed is named, with the command that shows it again; the rest is played all the same), 130
after Ctrl-C.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.bench.figures import several, show_count
from headgate.compile import compile_file
from headgate.config.units import parse_duration, show_duration
from headgate.errors import GatewayError, UsageError
from headgate.simulate import job as jobs
from headgate.simulate import read, run
from headgate.simulate.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headgate.simulate.result import Result

ROOT = Path(__file__).parents[1]
POLICY = ROOT / "config/resilient.yaml"
SCENARIO = ROOT / "config/scenarios/bad-days.yaml"
CHUNK = 32


@dataclass(frozen=True, slots=True)
class Chunk:
    """What some seeds in a row came to."""

    first: int
    seeds: int
    callers: int
    attempts: int
    faults: int
    openings: int
    amplification_peak: float
    cpu_s: float
    broken: list[dict[str, Any]]

    @staticmethod
    def of(first: int, result: Result, cpu_s: float) -> Chunk:
        """Adds up worlds."""
        figures = [world.figures for world in result.worlds]
        broken = [{"seed": world.seed, "violation": world.violations[0].model_dump()} for world in result.broken]
        return Chunk(
            first,
            len(figures),
            callers=sum(one.offered for one in figures),
            attempts=sum(one.attempts for one in figures),
            faults=sum(one.faults for one in figures),
            openings=sum(one.openings for one in figures),
            amplification_peak=max(one.amplification_peak for one in figures),
            cpu_s=round(cpu_s, 3),
            broken=broken,
        )


class Book:
    """The file of what is done: a line that says of what, then a line for each chunk."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        """Opens or begins it. Raises `UsageError` for a file about something else."""
        self.path = path
        self.chunks: list[Chunk] = []
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(header) + "\n")
            return
        # A line that was cut off by a power cut is not done.
        first, *lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        other = {key: value for key, value in json.loads(first).items() if header[key] != value}
        if other:
            raise UsageError(f"{path} is about another {', '.join(other)}: name another file with --output")
        self.chunks = [Chunk(**json.loads(line)) for line in lines]
        path.write_text("".join([first, *lines]))

    def add(self, chunk: Chunk) -> None:
        """Writes a chunk down."""
        self.chunks.append(chunk)
        with self.path.open("a") as file:
            file.write(json.dumps(dataclasses.asdict(chunk)) + "\n")

    def todo(self, seeds: int) -> Iterator[tuple[int, int]]:
        """The chunks that are not done, as first seed and number of seeds; seeds count from 1."""
        done = {seed for chunk in self.chunks for seed in range(chunk.first, chunk.first + chunk.seeds)}
        for first in range(1, seeds + 1, CHUNK):
            count = min(CHUNK, seeds + 1 - first)
            if not done.issuperset(range(first, first + count)):
                yield first, count

    def sum(self, name: str) -> int:
        """A figure of all that is done."""
        return sum(getattr(chunk, name) for chunk in self.chunks)

    @property
    def broken(self) -> list[dict[str, Any]]:
        """The seeds that broke a rule, in order."""
        return sorted((one for chunk in self.chunks for one in chunk.broken), key=lambda one: one["seed"])


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code; see the module."""
    options = _arguments(arguments)
    try:
        return play(options)
    except GatewayError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def play(options: argparse.Namespace) -> int:
    """Plays what is not done."""
    loaded = read.read(str(options.scenario))
    policies = [compile_file(str(options.policy))]
    for_ms = parse_duration(options.each)

    def job(first: int, count: int) -> dict[str, Any]:
        asked = jobs.Options(seed=first, seeds=count, for_ms=for_ms, threads=options.threads)
        return {**jobs.build(loaded, policies, asked), "timeline": False}

    book = Book(options.output, _header(policies[0].document, job(1, 1)))
    for first, count in book.todo(options.seeds):
        began_s = time.process_time()
        result = run.run(loaded, policies, job(first, count), lambda _done, _of: None)
        if len(result.worlds) < count:
            print(f"\nstopped; the same command goes on after {show_count(book.sum('seeds'))} seeds", file=sys.stderr)
            return 130
        book.add(Chunk.of(first, result, time.process_time() - began_s))
        _progress(book, options.seeds)
    asked = Asked.of([str(options.policy)], str(options.scenario), job(1, 1))
    print("\n".join(_lines(book, options.seeds, for_ms, asked)))
    return GatewayError.exit_code if book.broken else 0


def _header(plan: bytes, job: dict[str, Any]) -> dict[str, Any]:
    """Of what the worlds are: another policy, scenario or module makes other worlds."""
    from headgate import _native

    def digest(text: bytes) -> str:
        return hashlib.sha256(text).hexdigest()[:16]

    module = digest(Path(str(_native.__file__)).read_bytes())
    return {"policy": digest(plan), "scenario": digest(json.dumps(job["scenario"]).encode()), "module": module}


def _progress(book: Book, seeds: int) -> None:
    done, broken = book.sum("seeds"), book.broken
    told = f"; BROKEN: {len(broken)}, the first is seed {broken[0]['seed']}" if broken else ""
    sys.stderr.write(f"\r{show_count(done)} of {several(seeds, 'seed')}, {show_count(book.sum('faults'))} faults{told}")
    sys.stderr.flush()


def _lines(book: Book, seeds: int, for_ms: int, asked: Asked) -> Iterator[str]:
    done, cpu_s = book.sum("seeds"), book.sum("cpu_s")
    yield f"{several(done, 'world')} of {show_duration(for_ms)} each, seeds 1 to {show_count(seeds)}"
    yield (
        f"{show_count(book.sum('callers'))} callers, {show_count(book.sum('attempts'))} attempts, "
        f"{show_count(book.sum('faults'))} faults met, {show_count(book.sum('openings'))} openings"
    )
    peak = max((chunk.amplification_peak for chunk in book.chunks), default=0.0)
    yield f"at most {peak:.2f} attempts for each call over ten seconds"
    yield f"{cpu_s / 3600:.2f} hours of CPU time, {cpu_s / max(1, done):.2f} s a world"
    if not book.broken:
        yield "no rule was broken"
        return
    first = book.broken[0]
    yield f"BROKEN in {several(len(book.broken), 'world')}; the first has seed {first['seed']}:"
    yield f"  {first['violation']['rule']} at {first['violation']['at_s']:.3f} s: {first['violation']['text']}"
    yield f"  again: {asked.command(0, first['seed'])}"


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seeds", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=100_000, help="how many, from 1 on (default: 100,000)")
    parser.add_argument("--for", dest="each", default="1h", metavar="1h", help="how long each world lasts")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: all cores")
    parser.add_argument("--policy", type=Path, default=POLICY)
    parser.add_argument("--scenario", type=Path, default=SCENARIO)
    parser.add_argument("--output", type=Path, default=ROOT / "target/seeds.jsonl", help="what is done")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
