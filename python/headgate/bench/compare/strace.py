"""System calls for each call, counted by strace while a load runs that is already under way."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headgate.bench.compare import cpu, loads
from headgate.bench.compare.document import Cell, SystemCalls
from headgate.bench.compare.live import Scene, Unfit
from headgate.bench.compare.loader import LoaderEnded
from headgate.bench.compare.process import Launch, tail
from headgate.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

    from headgate.bench.compare.find import Peer
    from headgate.bench.compare.live import Live, Stage
    from headgate.bench.compare.loader import Loader

CONNECTIONS = (50, 1)
_WARM_S = 1.0
_ATTACHING_S = 5.0
# `% time, seconds, usecs/call, calls, errors (may be absent), syscall`.
_LINE = re.compile(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)\s*")


def absent() -> str | None:
    """Why system calls cannot be counted here; None when they can."""
    return None if shutil.which("strace") else "system calls were not counted: apt-get install strace"


def parse(summary: str) -> dict[str, int]:
    """Calls by name, from what `strace -c` prints."""
    found = (_LINE.fullmatch(line) for line in summary.splitlines())
    return {match[2]: int(match[1]) for match in found if match and match[2] != "total"}


@dataclass
class Counter:
    """Counts for one target after the other."""

    stage: Stage
    loader: Loader
    seconds: float
    notes: list[str] = field(default_factory=list)

    def count(self, peer: Peer) -> list[SystemCalls]:
        """With many connections, and with one; what could not be had is noted."""
        try:
            live = self.stage.start(peer, Scene("answers"))
        except Unfit as error:
            self.notes.append(f"system calls of {peer.name}: {error}")
            return []
        try:
            return [counted for c in CONNECTIONS if (counted := self._count(live, c)) is not None]
        except LoaderEnded:
            raise
        except (StartError, OSError) as error:
            self.notes.append(f"system calls of {peer.name}: {error}")
            return []
        finally:
            self.stage.processes.end(live.process)

    def _count(self, live: Live, connections: int) -> SystemCalls | None:
        output = self.stage.folder / f"strace-{live.name}-{connections}"
        self.loader.start(loads.spec(live, Cell("", "", "closed", 64, connections), 600))
        try:
            time.sleep(_WARM_S)  # connections are made by then: they are not part of a call
            calls = self._traced(live, output)
        finally:
            self.loader.stop()
        names = parse(output.read_text()) if output.exists() else {}
        if not calls or not names:
            self.notes.append(f"system calls of {live.name}: strace counted none: {tail(_log(output))}")
            return None
        by_name = {name: count / calls for name, count in sorted(names.items(), key=lambda item: -item[1])}
        return SystemCalls(live.name, connections, calls, sum(by_name.values()), by_name)

    def _traced(self, live: Live, output: Path) -> int:
        """Traces all threads of the target for some seconds; returns the calls that the provider got meanwhile."""
        pids = [word for pid in cpu.tree(live.process.pid) for word in ("-p", str(pid))]
        command = ["strace", "-f", "-c", "-o", str(output), *pids]
        log = _log(output)
        process = self.stage.processes.start(Launch(command, self.stage.processes.cores.other, log))
        try:
            _attached(process, log, len(pids) // 2)
            before = live.provider.bill().calls
            time.sleep(self.seconds)
            process.send_signal(signal.SIGINT)  # it detaches, and writes its summary
            calls = live.provider.bill().calls - before
            process.wait(timeout=10)
            return calls
        finally:
            self.stage.processes.end(process)


def _log(output: Path) -> Path:
    return output.with_suffix(".log")


def _attached(process: subprocess.Popen[bytes], log: Path, processes: int) -> None:
    deadline = time.monotonic() + _ATTACHING_S
    while log.read_text(errors="replace").count("attached") < processes:
        if process.poll() is not None or time.monotonic() > deadline:
            raise OSError(f"strace may not attach: {tail(log)}")
        time.sleep(0.01)
