"""O7: when all is over, nothing is left: no call, no stream, no connection, no descriptor."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.harness.gateway import Gateway
from tests.harness.metrics import Metrics
from tests.harness.waiting import LOOK_EVERY_S, until

GAUGES = ("headgate_calls_in_flight", "headgate_streams_open", "headgate_connections")
"""What counts open things, and is 0 at rest."""
STEADY_S = 0.3
SWEPT_WITHIN_S = 25.0
"""Connections to providers that have died at rest are looked for every ten seconds."""
CLOSE_WAIT = "08"
"""A connection whose other side has closed: proc_net_tcp."""


@dataclass(frozen=True)
class Held:
    """What a process holds at rest."""

    descriptors: int


def open_files(gateway: Gateway) -> list[str]:
    """What the process has open, as the kernel names it."""
    found = []
    for path in Path(f"/proc/{gateway.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(path))
    return found


def half_closed() -> set[str]:
    """Sockets of this machine whose other side has closed."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
    return {f"socket:[{row[9]}]" for row in rows if row[3] == CLOSE_WAIT}


def held(gateway: Gateway) -> Held:
    """What a gateway holds that has served nothing yet, once it opens and closes nothing more."""
    since, count = time.monotonic(), len(open_files(gateway))
    while time.monotonic() - since < STEADY_S:
        time.sleep(LOOK_EVERY_S)
        if count != (now := len(open_files(gateway))):
            since, count = time.monotonic(), now
    return Held(count)


def comes(gateway: Gateway, before: Held, *, swept: bool = False) -> None:
    """Waits for the gateway to come to rest, with the providers' sides of all connections closed.

    `swept`: until it has closed its sides too, of connections that had rested.
    """

    def left() -> list[str]:
        files = open_files(gateway)
        return files if swept else [file for file in files if file not in half_closed()]

    def look() -> bool:
        few = len(left()) <= before.descriptors  # before the metrics are asked for: that takes one
        metrics = Metrics.of(gateway)
        return few and all(metrics.sum(name) == 0 for name in GAUGES)

    try:
        until(look, "nothing is left open", SWEPT_WITHIN_S if swept else 10.0)
    except AssertionError as error:
        metrics = Metrics.of(gateway)
        gauges = {name: metrics.sum(name) for name in GAUGES}
        raise AssertionError(f"{error}: {gauges}, {before.descriptors} descriptors before, now {left()}") from None
