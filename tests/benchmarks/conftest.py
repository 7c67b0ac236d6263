"""The fixtures of running programs that this folder uses."""

from tests.harness.fixtures import bill, launch, provider

__all__ = ["bill", "launch", "provider"]
