"""What the kernel says that processes used: CPU time to the nanosecond, memory, and how busy cores were.

The CPU clock of a process holds all its threads, those that ended too. Children that ended are in their parent's
account in /proc once it has waited for them, in ticks of 10 ms. Between the two, the time of a whole tree is exact for
what lives, and within a tick for each process that came and went.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True)
class _Entry:
    """One line of /proc/PID/stat, as far as it matters here."""

    pid: int
    is_zombie: bool
    parent: int
    session: int
    ended_children_s: float


def tree(root: int) -> list[int]:
    """A process, all that descend from it, and all of its session."""
    entries = list(_entries())
    children: dict[int, list[int]] = {}
    for entry in entries:
        children.setdefault(entry.parent, []).append(entry.pid)
    found = dict.fromkeys([root, *(entry.pid for entry in entries if entry.session == root)])
    queue = list(found)
    for pid in queue:
        fresh = [child for child in children.get(pid, []) if child not in found]
        found.update(dict.fromkeys(fresh))
        queue += fresh
    return list(found)


def session(leader: int) -> list[int]:
    """The processes of a session that are not yet gone; a zombie is."""
    return [entry.pid for entry in _entries() if entry.session == leader and not entry.is_zombie]


def seconds(root: int) -> float:
    """CPU time of a tree so far, user + system."""
    total = 0.0
    for pid in tree(root):
        entry = _entry(pid)
        if entry is not None:
            total += _own_seconds(pid) + entry.ended_children_s
    return total


def _own_seconds(pid: int) -> float:
    """The process's own clock: what clock_getcpuclockid(3) makes of a process id."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0  # it ended meanwhile


def cores_busy() -> dict[int, float]:
    """Seconds that each core has been busy since boot, time stolen by the host included."""
    busy = {}
    for line in (_PROC / "stat").read_text().splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
            busy[int(name[3:])] = (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
    return busy


def memory(root: int) -> tuple[int, int]:
    """Bytes of a tree: resident, where shared pages count for each process, and proportional, where they are shared."""
    rss = pss = 0
    for pid in tree(root):
        try:
            lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}
        rss += sizes.get("Rss", 0) * 1024
        pss += sizes.get("Pss", 0) * 1024
    return rss, pss


def _entries() -> Iterator[_Entry]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            entry = _entry(int(folder.name))
            if entry is not None:
                yield entry


def _entry(pid: int) -> _Entry | None:
    try:
        fields: Sequence[str] = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    ended = (int(fields[13]) + int(fields[14])) / TICKS_PER_SECOND
    return _Entry(pid, fields[0] in "ZX", int(fields[1]), int(fields[3]), ended)
