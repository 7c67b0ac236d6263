"""What loads are put on: the simulated provider, and a port that nobody listens on."""

from __future__ import annotations

from tests.harness.fixtures import bill, closed_port, provider

__all__ = ["bill", "closed_port", "provider"]
