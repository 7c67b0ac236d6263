"""Timeouts: that each can ever fire."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        if not {inner, outer} <= timeouts.model_fields_set:
            continue
        short, long = getattr(timeouts, inner), getattr(timeouts, outer)
        if short is not None and long is not None and short > long:
            text = f"{show_duration(short)} can never pass: `{outer}` ends the call after {show_duration(long)}"
            report.error((*path, inner), text)
