"""Running the simulated provider."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

from headgate.config import yaml12
from headgate.config.files import read_file
from headgate.config.problems import Place, Problem
from headgate.engine import native
from headgate.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable


def run(options: dict[str, Any], started: Callable[[str], None]) -> None:
    """Runs it until SIGTERM or Ctrl-C; `started` is told its address."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    simulator = native.start_simulator(options)
    started(simulator.address)
    ended.wait()
    simulator.stop()
    simulator.wait()


def scenario(path: str) -> dict[str, Any]:
    """Reads a scenario file, YAML: a list of rules, or a map of options with the rules under `scenario`."""
    value = yaml12.parse(read_file(path), path).checked()
    if isinstance(value, list):
        return {"scenario": value}
    if isinstance(value, dict):
        return value
    raise PolicyError([Problem(Place(path, 1, 1), (), "a scenario is a list of rules, or a map with `scenario`")])
