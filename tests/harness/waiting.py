"""Waiting for what has to become true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_S = 0.005


def until(condition: Callable[[], T], what: str, within_s: float = 10.0) -> T:
    """Returns the first true value of `condition`; fails, naming `what`, when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        if value := condition():
            return value
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(LOOK_EVERY_S)
