"""Faults that are planted in the gateway of simulated worlds, so that a rule of theirs is broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from headgate.compile import Compiled
from headgate.simulate import job as jobs
from headgate.simulate.read import Loaded


def plant(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Has every world from here on played with this fault; its name is one of `rust/simulate/src/planted.rs`."""
    build = jobs.build

    def with_fault(loaded: Loaded, policies: Sequence[Compiled], options: jobs.Options) -> dict[str, Any]:
        job = build(loaded, policies, options)
        job["scenario"]["planted"] = fault
        return job

    monkeypatch.setattr(jobs, "build", with_fault)
