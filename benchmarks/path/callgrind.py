"""Runs the driver under callgrind, and reads what it counted."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# Where the runtime hands over to a task.
RUNTIME = re.compile(r"tokio::runtime::task::core::Core<.*>::poll")
# The tasks of the two ends of a call (see src/outside.rs), and those that a worker runs by the clock.
ENDS = "path::"
ROUNDS = "gateway::worker::"
# What stands for sockets, where the gateway calls it rather than one of the ends.
TRANSPORT = re.compile(r"<tokio::io::util::mem::DuplexStream as .*>::poll_")


class Unreadable(Exception):
    """The counts cannot be had, or cannot be told apart."""


@dataclass(frozen=True)
class Count:
    """Instructions: all of a run, those of the gateway's tasks and of the ends' tasks, the gateway's transport."""

    all: int
    tasks: int
    ends: int
    transport: int

    @classmethod
    def of(cls, lines: Iterable[str]) -> Self:
        """Reads callgrind's output, its names written out. The cost of a call includes what was called in turn."""
        total = tasks = ends = transport = 0
        caller = callee = ""
        costs_of_call = False
        for line in lines:
            if costs_of_call:
                costs_of_call = False
                cost = int(line.split()[1])
                if TRANSPORT.match(callee):
                    transport += 0 if caller.startswith(ENDS) else cost
                elif RUNTIME.fullmatch(caller):
                    ends += cost if callee.startswith(ENDS) else 0
                    tasks += 0 if callee.startswith((ENDS, ROUNDS)) else cost
            elif line.startswith("fn="):
                caller = line[3:].rstrip()
            elif line.startswith("cfn="):
                callee = line[4:].rstrip()
            elif line.startswith("calls="):
                costs_of_call = True
            elif line.startswith("totals:"):
                total = int(line.split()[1])
        if not (total and tasks and ends and transport):
            raise Unreadable("callgrind's graph does not tell the parts of a call: was one renamed, or inlined?")
        return cls(total, tasks, ends, transport)

    def __sub__(self, other: Self) -> Self:
        return type(self)(
            self.all - other.all, self.tasks - other.tasks, self.ends - other.ends, self.transport - other.transport
        )

    @property
    def gateway(self) -> int:
        """What the gateway's tasks did, less what stands for the kernel."""
        return self.tasks - self.transport

    @property
    def runtime(self) -> int:
        """Scheduling and timers, and what a worker does by the clock."""
        return self.all - self.tasks - self.ends


def run(binary: Path, cell: str, calls: int, folder: Path) -> tuple[Count, int]:
    """One run: its instructions, and the allocations of its calls."""
    output = folder / f"{cell}-{calls}"
    options = ["--tool=callgrind", "--compress-strings=no", "--compress-pos=no", f"--callgrind-out-file={output}"]
    done = subprocess.run(
        ["valgrind", *options, str(binary), cell, str(calls)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise Unreadable(f"{cell}: {done.stderr.strip().splitlines()[-1]}")
    with output.open() as lines:
        return Count.of(lines), int(done.stdout)


def version() -> str | None:
    """Valgrind's version; none where it is not installed."""
    if not shutil.which("valgrind"):
        return None
    return subprocess.run(["valgrind", "--version"], check=True, capture_output=True, text=True).stdout.strip()
