"""Drives the load engine through one load.

The engine does the work on threads of its own; this side looks at it five times a second, for the progress and for
Ctrl-C. An interrupt ends the load early and keeps all that was measured; a second one ends the program.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from headgate.bench.result import LoadResult
from headgate.bench.run.options import in_options
from headgate.bench.spec import Spec
from headgate.engine import native
from headgate.errors import PlanError, StartError, UsageError

LOOK_EVERY_MS = 200


class Load(Protocol):
    """A load that runs; `headgate._native.Load`."""

    def progress(self) -> bytes:
        """Counters as JSON."""

    def wait(self, timeout_ms: int) -> bool:
        """Whether it has ended."""

    def stop(self) -> None:
        """Ends it early."""

    def result(self) -> bytes:
        """What was measured, as JSON; once it has ended."""


class Watch(Protocol):
    """Who is shown how a load goes on."""

    def begin(self, what: str) -> None:
        """A load starts; `what` tells it apart from others of the same run."""

    def look(self, progress: dict[str, Any]) -> None:
        """Five times a second; see `Load.progress` of the engine. `timeout_ms` is what a call may take."""

    def end(self) -> None:
        """It has ended; what is said now is the result."""


def start(spec: dict[str, Any]) -> Load:
    """Starts the engine; the target has taken a first connection when this returns."""
    try:
        return native.start_load(spec)
    except PlanError as error:  # the command line is the file that was wrong here
        raise UsageError(in_options(str(error))) from None
    except StartError as error:
        raise StartError(error.exit_code, _in_options(str(error), spec)) from None


def _in_options(text: str, spec: dict[str, Any]) -> str:
    """Each user has a connection, and nobody said --connections."""
    said = in_options(text)
    return said.replace("--connections", "--users") if spec["arrivals"]["kind"] == "users" else said


@dataclass(frozen=True)
class Bench:
    """What a run needs from outside: who watches, how it was called, and the engine."""

    watch: Watch
    command: str = "headgate bench run"
    start: Callable[[dict[str, Any]], Load] = start
    secrets: Sequence[str] = field(default=(), repr=False)
    """What no text may show, though the target may repeat it in an error."""

    def shown(self, examples: dict[str, str]) -> dict[str, str]:
        """Examples of failures, without secrets."""
        for secret in self.secrets:
            examples = {kind: text.replace(secret, "***") for kind, text in examples.items()}
        return examples


def execute(spec: Spec, bench: Bench, interrupted: threading.Event) -> LoadResult:
    """Runs one load to its end, or until `interrupted` is set."""
    load = bench.start(spec.document())
    try:
        stopped = False
        while not load.wait(LOOK_EVERY_MS):
            if interrupted.is_set() and not stopped:
                load.stop()
                stopped = True
            progress = json.loads(load.progress())
            examples = bench.shown(progress.get("examples", {}))
            bench.watch.look(progress | {"examples": examples, "timeout_ms": spec.timeout_ms})
    finally:
        bench.watch.end()
    result = LoadResult.from_json(load.result())
    result = replace(result, examples=bench.shown(result.examples))
    if interrupted.is_set():
        return result
    # The engine ends with its last answer; a rate is one over the whole time in which calls could have come.
    return replace(result, elapsed_s=max(result.elapsed_s, spec.duration_ms / 1000))


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets, once; the next one has its usual effect. Off the main thread: never set."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def interrupt(number: int, _frame: object) -> None:
        interrupted.set()
        signal.signal(number, signal.SIG_DFL)

    try:
        for number in before:
            signal.signal(number, interrupt)
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
