"""`headgate bench compare`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.bench import output
from headgate.errors import GatewayError, UsageError

if TYPE_CHECKING:
    from headgate.bench.compare.options import CompareOptions

TARGET_MISSED = 99


@dataclass(frozen=True)
class Asked:
    """The options as they were given."""

    targets: list[str]
    cells: str
    windows: int
    seconds: float
    warm_windows: int
    peers: Path | None
    programs: list[str]
    install: bool
    windows_only: bool
    seed: int
    output: str | None


def compare(asked: Asked, *, gate: bool, as_json: bool) -> int:
    """Runs a comparison; the exit code: 0, or 99 when `gate` holds and a figure misses its target."""
    writer = output.Writer.of(asked.output) if asked.output is not None else None
    from headgate.bench import report
    from headgate.bench.compare import compare as measure

    comparison = measure(_options(asked, writer))
    problem = None
    try:
        for path in writer.write_comparison(comparison) if writer else ():
            print(f"wrote {path}", file=sys.stderr)
    except GatewayError as error:
        problem = error
    print(comparison.to_json() if as_json else report.compare_markdown(comparison))
    if problem is not None:
        raise problem
    if gate and not comparison.rows:
        raise GatewayError("no window counts, so that nothing was shown; the report says why each was left out")
    missed = [verdict for verdict in comparison.verdicts if verdict.met is False]
    for verdict in missed if gate else []:
        print(f"headgate: missed: {verdict.figure}: {verdict.wanted}, measured {verdict.measured}", file=sys.stderr)
    return TARGET_MISSED if gate and missed else 0


def _options(asked: Asked, writer: output.Writer | None) -> CompareOptions:
    from headgate.bench.compare import options

    programs = {}
    for pair in asked.programs:
        name, equals, path = pair.partition("=")
        if not name or not equals or not Path(path).is_file():
            raise UsageError(f"--with {pair}: write NAME=PATH, with the path of a program that is there")
        programs[name] = Path(path).resolve()
    usual = options.CompareOptions()
    return options.CompareOptions(
        targets=tuple(asked.targets) or usual.targets,
        cells=asked.cells,
        windows=asked.windows,
        seconds=asked.seconds,
        warm_windows=asked.warm_windows,
        seed=asked.seed,
        peers=asked.peers or usual.peers,
        programs=programs,
        install=asked.install,
        extras=frozenset() if asked.windows_only else usual.extras,
        output=Path(writer.base) if writer else None,
        command=output.shown_command(sys.argv[1:]),
    )
