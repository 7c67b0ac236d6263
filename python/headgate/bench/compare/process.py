"""Processes of a run: each pinned to a core, in a session of its own, ended at the end whatever happened."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.bench.compare import cpu
from headgate.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE_S = 5.0  # between SIGTERM and SIGKILL


@dataclass(frozen=True)
class Cores:
    """What is measured has one core to itself; all else shares the other."""

    gateway: int
    other: int

    @classmethod
    def of_this_machine(cls) -> Cores:
        """The first that may be used, and the first that is no hardware thread of the same core, if there is one.

        Raises `StartError` where there are fewer than two, or no Linux.
        """
        if not hasattr(os, "sched_getaffinity"):
            raise StartError(69, "a comparison needs Linux: it pins processes to cores and reads /proc")
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            text = "a comparison needs two cores, one for the gateway alone: only one may be used here"
            raise StartError(69, text)
        twins = _threads_beside(cores[0])
        return cls(cores[0], next((core for core in cores[1:] if core not in twins), cores[1]))


def _threads_beside(core: int) -> set[int]:
    """The hardware threads of a core, itself included; empty where the kernel does not say."""
    try:
        text = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list").read_text()
    except OSError:
        return set()
    bounds = [part.partition("-") for part in text.strip().split(",") if part]
    return {thread for first, _, last in bounds for thread in range(int(first), int(last or first) + 1)}


@dataclass(frozen=True)
class Launch:
    """What to start, and where."""

    command: Sequence[str]
    core: int
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    talks: bool = False  # stdin and stdout are pipes


@dataclass
class Processes:
    """All that were started and not yet ended; `close` ends them and says who would not go."""

    cores: Cores
    _open: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, launch: Launch) -> subprocess.Popen[bytes]:
        """Starts a process. Raises `OSError` when there is no such program."""
        with launch.log.open("ab") as log:
            os.sched_setaffinity(0, {launch.core})  # children inherit it
            try:
                process = subprocess.Popen(
                    launch.command,
                    stdin=subprocess.PIPE if launch.talks else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if launch.talks else log,
                    stderr=log,
                    cwd=launch.folder,
                    env={**os.environ, **launch.environment},
                    start_new_session=True,
                )
            finally:
                os.sched_setaffinity(0, {self.cores.other})
        self._open.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """SIGTERM to its whole session; SIGKILL to what is left of it after some seconds."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            _signal(process.pid, number)
            deadline = time.monotonic() + PATIENCE_S
            while _lives(process) and time.monotonic() < deadline:
                time.sleep(0.005)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        if process in self._open:
            self._open.remove(process)

    def close(self) -> None:
        """Ends all, the last one first."""
        for process in reversed(list(self._open)):
            self.end(process)


def _lives(process: subprocess.Popen[bytes]) -> bool:
    """Whether it or any process of its session is there."""
    ended = process.poll() is not None
    return not ended or bool(cpu.session(process.pid))


def _signal(session: int, number: int) -> None:
    """To every process of a session: some make process groups of their own."""
    for pid in cpu.session(session):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def tail(log: Path, most: int = 300) -> str:
    """The end of a log on one line, for a sentence about why a process ended."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-most:]
