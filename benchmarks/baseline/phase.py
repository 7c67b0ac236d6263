"""How far a gateway is on its way to the end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Phase:
    """Set once, by the drain, and read by every call."""

    closing: bool = False
    """Connections are closed behind the answers that they carry."""
    cut: bool = False
    """The grace is over: a call that is cancelled now ends with an error, its caller is still there."""
