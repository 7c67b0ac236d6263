"""What a measurement was made on and with, as text for a report. Names nobody: no host name, no user, no path."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def machine() -> dict[str, str]:
    """The machine: processor, cores that may be used, memory, kernel, and frequency governor where there is one."""
    found = {
        "cpu": _first_after("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": str(_cores()),
        "memory": _memory(),
        # Without what its builder appended to the version, which may be the name of a site.
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
    }
    found["python"] = f"{platform.python_implementation()} {platform.python_version()}"
    with suppress(OSError):
        found["governor"] = GOVERNOR.read_text(encoding="utf-8").strip()
    return {name: value for name, value in found.items() if value}


def versions() -> dict[str, str]:
    """What measured."""
    from headgate import version

    return {"headgate": version()}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> str:
    words = _first_after("/proc/meminfo", "MemTotal").split()
    return f"{int(words[0]) / (1 << 20):.1f} GiB" if words else ""


def _first_after(path: str, name: str) -> str:
    """The value of the first `name: value` line of a file of the kernel; empty where there is none."""
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    return ""
