"""The simulated provider, started inside the test, and its bill."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headgate import _native
from tests.harness import wire
from tests.harness.waiting import until

Bill = dict[str, Any]


@dataclass(frozen=True)
class Provider:
    """A running simulated provider."""

    running: _native.Simulator
    address: str

    @staticmethod
    def start(**options: Any) -> Provider:  # noqa: ANN401 - see `sim::Options`
        """Starts one on a free port."""
        running = _native.Simulator.start(json.dumps(options).encode())
        return Provider(running, running.address)

    @property
    def url(self) -> str:
        """What an endpoint of the policy says."""
        return f"http://{self.address}/v1"

    def stop(self) -> None:
        """Stops it; open answers are cut."""
        self.running.stop()
        self.running.wait()

    def bill(self) -> Bill:
        """Totals, the number of open calls, and the last calls."""
        bill: Bill = wire.ask(self.address, "GET", "/bill").json()
        return bill

    def calls(self) -> list[Bill]:
        """The calls that have ended, oldest first."""
        calls: list[Bill] = self.bill()["calls"]
        return calls

    def reset(self) -> None:
        """Starts the bill anew, once no call is open."""
        until(lambda: self.bill()["open"] == 0, "calls of an earlier test have ended")
        wire.ask(self.address, "POST", "/bill/reset")

    def wait(self, condition: Callable[[Bill], Any], what: str, within_s: float = 10.0) -> Bill:
        """The first bill that meets `condition`."""

        def look() -> Bill | None:
            bill = self.bill()
            return bill if condition(bill) else None

        return until(look, what, within_s) or {}
