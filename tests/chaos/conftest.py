"""Fixtures of the faults on real sockets."""

from __future__ import annotations

import resource

import pytest

from tests.harness.fixtures import bill, closed_port, launch, launch_for_file, provider

__all__ = ["bill", "closed_port", "launch", "launch_for_file", "provider"]

DESCRIPTORS = 8192
"""A listener and some connections for each cell, and their ends within the simulator, which is in this process."""


@pytest.fixture(scope="session", autouse=True)
def _descriptors() -> None:
    """Raises this process's limit as far as it may, for the gateways too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(DESCRIPTORS, hard)), hard))
