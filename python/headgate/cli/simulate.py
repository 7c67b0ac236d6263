"""`headgate simulate`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.compile import compile_file
from headgate.config.units import parse_duration
from headgate.errors import GatewayError, UsageError
from headgate.simulate import expect, output, read, text
from headgate.simulate import job as jobs
from headgate.simulate import run as runs
from headgate.simulate.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headgate.simulate.expect import Judged
    from headgate.simulate.result import Result, World

EXPECTATION_MISSED = 99
INTERRUPTED = 130


@dataclass(frozen=True)
class Shown:
    """Where a result goes."""

    outputs: list[str]
    as_json: bool
    progress: bool


def simulate(policies: list[str], scenario: str, options: jobs.Options, expected: list[str], shown: Shown) -> int:
    """Runs a scenario; the exit code: 0, 1: a rule was broken, 99: an expectation was missed, 130: Ctrl-C."""
    output.check(shown.outputs, seeds=options.seeds)
    loaded = read.read(scenario)
    expectations = [one for part in [*loaded.scenario.expect, *expected] for one in expect.parse(part)]
    compiled = [compile_file(policy) for policy in policies]
    job = jobs.build(loaded, compiled, options)
    asked = Asked.of(policies, scenario, job)
    result = runs.run(loaded, compiled, job, _watch(job["seeds"] * len(policies), shown=shown.progress))
    judged = [(world, one.judge(world.figures)) for world in result.worlds for one in expectations]
    for path in output.write(shown.outputs, asked, result, judged):
        print(f"wrote {path}", file=sys.stderr)
    _print(asked, result, judged, as_json=shown.as_json)
    return _exit_code(result, judged)


def for_ms(value: str | None) -> int | None:
    """The value of `--for`."""
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise UsageError(f"--for: {error}") from None


def _exit_code(result: Result, judged: Sequence[tuple[World, Judged]]) -> int:
    if result.broken:
        return GatewayError.exit_code
    if len(result.worlds) < result.asked:
        return INTERRUPTED
    return 0 if all(one.met for _, one in judged) else EXPECTATION_MISSED


def _print(asked: Asked, result: Result, judged: Sequence[tuple[World, Judged]], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(output.document(asked, result, judged))
        return
    from rich.console import Console
    from rich.text import Text

    out = Console(soft_wrap=True, highlight=False, emoji=False)
    for style, line in text.lines(asked, result, judged):
        out.print(Text(line, style=style))


def _watch(worlds: int, *, shown: bool) -> Callable[[int, int], None]:
    """A line that counts worlds, on a terminal; of one world there is nothing to count."""
    if worlds == 1 or not shown or not sys.stderr.isatty():
        return lambda _done, _of: None

    def watch(done: int, of: int) -> None:
        end = "\r\033[K" if done == of else ""
        sys.stderr.write(f"\r{done:,} of {of:,} worlds{end}")
        sys.stderr.flush()

    return watch
