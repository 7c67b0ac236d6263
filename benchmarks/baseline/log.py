"""Log lines: one JSON object each on standard error. Lines of calls are gathered and written a few times a second."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.plan.document import Log

FLUSH_EVERY_S: Final = 0.2
_ORDER: Final = ("debug", "info", "warn", "error")


class Lines:
    """Where lines go."""

    def __init__(self, settings: Log) -> None:
        self.settings = settings
        self._gathered: list[str] = []

    def event(self, level: str, name: str, fields: Mapping[str, object]) -> None:
        """Writes an event at once, where the policy wants its level."""
        if _ORDER.index(level) >= _ORDER.index(self.settings.level):
            self._gathered.append(_line(level, name, fields))
            self.flush()

    def wants(self, *, failed: bool) -> bool:
        """Whether a call has a line."""
        return self.settings.calls == "all" or (failed and self.settings.calls == "errors")

    def call(self, level: str, fields: Mapping[str, object]) -> None:
        """Adds the line of a call."""
        if not self._gathered:
            asyncio.get_running_loop().call_later(FLUSH_EVERY_S, self.flush)
        self._gathered.append(_line(level, "call", fields))

    def flush(self) -> None:
        """Writes what was gathered."""
        if self._gathered:
            sys.stderr.write("".join(self._gathered))
            sys.stderr.flush()
            self._gathered.clear()


def _line(level: str, name: str, fields: Mapping[str, object]) -> str:
    time = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"time": time, "level": level, "event": name, **fields}, separators=(",", ":")) + "\n"
