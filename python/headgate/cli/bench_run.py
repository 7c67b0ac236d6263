"""`headgate bench run`: prints and writes what was measured, and says what to exit with."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.bench import output
from headgate.bench.run import drive, job, progress, text
from headgate.bench.run import run as runs
from headgate.errors import GatewayError

if TYPE_CHECKING:
    from headgate.bench.run.document import Run
    from headgate.bench.run.options import RunOptions

THRESHOLD_MISSED = 99
INTERRUPTED = 130


@dataclass(frozen=True)
class Shown:
    """Where a result goes."""

    output: str | None
    as_json: bool
    progress: bool


def run(options: RunOptions, shown: Shown) -> int:
    """Runs a load; the exit code: 0, 1 when no call ended well, 99 when a threshold was missed, 130 after Ctrl-C."""
    planned = job.build(options, os.environ)
    writer = output.Writer.of(shown.output) if shown.output is not None else None
    if not shown.as_json:
        print(
            f"load on {planned.load['target']}: {planned.load['schedule']}, {planned.load['length']}", file=sys.stderr
        )
    bench = drive.Bench(progress.watch(shown=shown.progress), output.shown_command(sys.argv[1:]))
    document = runs.run(planned, bench)
    problem = _written(writer, document)
    _print(document, as_json=shown.as_json)
    for one in runs.missed(document):
        print(f"headgate: threshold missed: {one.threshold}: {one.measured}", file=sys.stderr)
    if problem is not None:
        raise problem
    if said := runs.last_word(document):
        print(f"headgate: {said}", file=sys.stderr)
    return exit_code(document)


def exit_code(document: Run) -> int:
    """What a run ends with."""
    if document.interrupted:
        return INTERRUPTED
    searched_in_vain = bool(document.probes) and document.capacity_per_second is None
    if runs.missed(document) or searched_in_vain:
        return THRESHOLD_MISSED
    return GatewayError.exit_code if document.result.good == 0 else 0


def _written(writer: output.Writer | None, document: Run) -> GatewayError | None:
    """Writes the files; what goes wrong is told after the result was printed, so that nothing measured is lost."""
    if writer is None:
        return None
    try:
        for path in writer.write_run(document):
            print(f"wrote {path}", file=sys.stderr)
    except GatewayError as error:
        return error
    return None


def _print(document: Run, *, as_json: bool) -> None:
    if as_json:
        print(document.to_json())
        return
    from rich.console import Console
    from rich.text import Text

    out = Console(soft_wrap=True, highlight=False, emoji=False)
    for style, line in text.lines(document):
        out.print(Text(line, style=style))
