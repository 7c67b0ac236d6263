"""Processes on chosen cores, and what the kernel says they used."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(
    command: Sequence[str | Path], core: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process pinned to a core until the block ends; its output goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the process and its children; SIGKILL when that does not end them within 3 s."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            try:
                process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                continue


def tree(root: int) -> list[int]:
    """A process and all that descend from it and still live."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def cpu_seconds(processes: Sequence[int]) -> float:
    """User + system time of these processes, all their threads included."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_SECOND


def rss_bytes(processes: Sequence[int]) -> int:
    """Resident memory of these processes, pages that they share counted once for each."""
    total = 0
    for process in processes:
        status = Path(f"/proc/{process}/status").read_text()
        total += next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))
    return total


def cores_busy() -> dict[int, float]:
    """Seconds that each core has been busy since boot, time stolen by the host included."""
    busy = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
            busy[int(name[3:])] = (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
    return busy


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, deadline_s: float = 10) -> None:
    """Waits until something on loopback accepts at `port`; says what the log says when the process ends before."""
    end = time.monotonic() + deadline_s
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{process.args!r} does not accept at port {port}:\n{log.read_text()[-2000:]}")
        time.sleep(0.01)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
