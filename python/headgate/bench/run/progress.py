"""How a load goes on, shown while it does: a live table on a terminal, else a line every few seconds, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headgate.bench.figures import several, show_count, show_us
from headgate.bench.run import hints
from headgate.config.units import show_duration

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from headgate.bench.run.drive import Watch

LINE_EVERY_S = 3.0
LATE_SHARE = 0.1
SILENT_S = 2.0
BAR, COLUMNS = 60, 5
"""Of the live table: two rows of them fit 80 columns."""


def watch(*, shown: bool) -> Watch:
    """What fits standard error."""
    if not shown:
        return Silent()
    return OnTerminal() if sys.stderr.isatty() else Lines(lambda line: print(line, file=sys.stderr, flush=True))


class Silent:
    """Shows nothing."""

    def begin(self, what: str) -> None:
        """Says nothing."""

    def look(self, progress: dict[str, Any]) -> None:
        """Says nothing."""

    def end(self) -> None:
        """Says nothing."""


class Lines:
    """One line every few seconds; at once when the schedule is not kept, or when the first call fails."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._rates = Rates()
        self._next = 0.0
        self._warned: set[str] = set()

    def begin(self, what: str) -> None:
        """Starts anew."""
        self._rates = Rates()
        self._next = self._clock() + LINE_EVERY_S
        self._warned = set()
        if what:
            self._write(f"probe {what}")

    def look(self, progress: dict[str, Any]) -> None:
        """Writes what is due."""
        self._rates.add(progress)
        for kind, text in warnings(progress).items():
            if kind not in self._warned:
                self._warned.add(kind)
                self._write(text)
        if self._clock() < self._next:
            return
        self._next = self._clock() + LINE_EVERY_S
        self._write(" ".join(f"{label} {value}" for label, value in cells(progress, self._rates)))

    def end(self) -> None:
        """Writes nothing more."""


class OnTerminal:
    """A few lines that are written over; they are gone when the load has ended."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._rates = Rates()
        self._what = ""

    def begin(self, what: str) -> None:
        """Starts to draw."""
        from rich.console import Console
        from rich.live import Live

        self._rates = Rates()
        self._what = what
        self._live = Live(console=Console(stderr=True, highlight=False), transient=True, auto_refresh=False)
        self._live.start()

    def look(self, progress: dict[str, Any]) -> None:
        """Draws anew."""
        self._rates.add(progress)
        if self._live is not None:
            self._live.update(self._table(progress), refresh=True)

    def end(self) -> None:
        """Takes the lines away, and gives the cursor back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self, progress: dict[str, Any]) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        pairs = cells(progress, self._rates)
        table = Table.grid(padding=(0, 3))
        for row in (pairs[:COLUMNS], pairs[COLUMNS:]):
            table.add_row(*(Text.assemble((label, "dim"), " ", value, no_wrap=True) for label, value in row))
        done = round(BAR * min(progress["elapsed_s"] / max(progress["duration_s"], 0.001), 1.0))
        bar = Text.assemble(("━" * done, "cyan"), ("━" * (BAR - done), "dim"))
        warned = [Text(text, style="yellow") for text in warnings(progress).values()]
        title = [Text(f"probe {self._what}", style="bold")] if self._what else []
        return Group(*title, bar, table, *warned, Text("Ctrl-C ends the load and keeps what was measured", style="dim"))


class Rates:
    """Rates of the last second, from counters that only rise."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int, int]] = []

    def add(self, progress: dict[str, Any]) -> None:
        """Keeps what is needed of the last second."""
        self._seen.append((progress["elapsed_s"], progress["asked"], progress["good"]))
        while len(self._seen) > 2 and self._seen[-1][0] - self._seen[1][0] >= 1.0:
            del self._seen[0]

    def asked_and_achieved(self) -> tuple[float, float]:
        """Calls asked for, and calls answered well, per second; zeros until there are two looks."""
        (before, asked_before, good_before), (now, asked, good) = self._seen[0], self._seen[-1]
        past = now - before
        return ((asked - asked_before) / past, (good - good_before) / past) if past > 0 else (0.0, 0.0)


def cells(progress: dict[str, Any], rates: Rates) -> list[tuple[str, str]]:
    """Label and value, in their order."""
    asked, achieved = rates.asked_and_achieved()
    times = [(name, progress.get(f"{key}_us")) for name, key in (("p50", "p50"), ("p99", "p99"), ("TTFT", "ttft_p50"))]
    return [
        (progress["phase"], f"{progress['elapsed_s']:.0f}/{progress['duration_s']:.0f} s"),
        ("asked", f"{asked:,.0f}/s"),
        ("achieved", f"{achieved:,.0f}/s"),
        ("good", show_count(progress["good"])),
        ("failed", show_count(progress["failed"])),
        *((name, show_us(value)) for name, value in times if value is not None),
        ("open", show_count(progress["open"])),
        ("late", show_count(progress["late_calls"])),
    ]


def warnings(progress: dict[str, Any]) -> dict[str, str]:
    """What should be said at once, by kind."""
    said = {}
    if progress["late_calls"] > LATE_SHARE * progress["sent"] > 10:
        said["late"] = "warning: calls are sent late; the result will say whether that matters"
    for kind, example in progress.get("examples", {}).items():
        said[kind] = f"failed: {hints.whole(kind, example)}"
    if progress["failed"] and not progress["good"]:
        said["failed"] = "warning: no call has ended well yet; Ctrl-C ends the load and shows all that is known"
    if progress["elapsed_s"] >= SILENT_S and progress["open"] and not progress["good"] + progress["failed"]:
        calls = f"{several(progress['open'], 'call')} {'is' if progress['open'] == 1 else 'are'} open"
        limit = show_duration(progress["timeout_ms"])
        said["silent"] = f"nothing has come back yet: {calls} without a whole answer; --timeout ends each after {limit}"
    return said
