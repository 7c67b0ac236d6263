"""Timeouts: that each can ever fire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config.checks.pairs import both
from headgate.config.units import show_duration

if TYPE_CHECKING:
    from headgate.config.problems import Path, Report
    from headgate.config.sections import AliasTimeouts, Policy, Timeouts

_PAIRS = (
    ("connect", "attempt"),
    ("connect", "total"),
    ("attempt", "total"),
    ("first_token", "stream_total"),
    ("idle", "stream_total"),
)
"""The first can never fire where it is longer than the second."""


def check(policy: Policy, report: Report) -> None:
    """Checks `resilience.timeouts` and the timeouts of each alias, as far as both of a pair stand in one place."""
    _block(policy.resilience.timeouts, ("resilience", "timeouts"), report)
    for name, alias in policy.aliases.items():
        _block(alias.timeouts, ("aliases", name, "timeouts"), report)


def _block(timeouts: Timeouts | AliasTimeouts, path: Path, report: Report) -> None:
    for inner, outer in _PAIRS:
        said = both(timeouts, inner, outer)
        if said and said[0] > said[1]:
            text = f"{show_duration(said[0])} can never pass: `{outer}` ends the call after {show_duration(said[1])}"
            report.error((*path, inner), text)
